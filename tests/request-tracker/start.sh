#!/bin/bash
# Makes (once) and starts a private Request Tracker 5 with SQLite, all in one folder, on loopback.
# Its neighbour install.sh puts the packages on the machine.
#
# usage: start.sh DIR PORT
#   RT_WEBHOOK_URL, RT_WEBHOOK_SECRET   where the bridge's scrip posts, and its key (default: no webhook)
#   RT_WORKERS                          server processes (default 3; with one, a bridge that reads
#                                       back at once would wait for the webhook's own request)
# Leaves in DIR: tokens ("bridge TOKEN" and "agent1 TOKEN", one a line), pid, log/.
# Started again on the same DIR it keeps all data; running already, it changes nothing.
# stop: kill "$(cat DIR/pid)"
set -euo pipefail
if [ $# != 2 ]; then
  echo "usage: start.sh DIR PORT" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
umask 077
mkdir -p "$1/conf.d" "$1/log"
dir=$(cd "$1" && pwd)
port=$2
base=http://127.0.0.1:$port
# How long to wait for the first answer; a loaded machine took 4 s.
up_within_secs=60

answers() {
  local token
  token=$(awk '$1 == "bridge" { print $2 }' "$dir/tokens" 2>/dev/null) || return 1
  curl -fsS -m 5 -o /dev/null -H "Authorization: token $token" "$base/REST/2.0/rt" 2>/dev/null
}

if [ -e "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null && answers; then
  echo "Request Tracker runs already at $base, pid $(cat "$dir/pid")"
  exit 0
fi

# A value for a Perl string in single quotes.
quoted() { printf '%s' "$1" | sed "s/[\\\\']/\\\\&/g"; }

export RT_SITE_CONFIG=$dir/RT_SiteConfig.pm RT_SITE_CONFIG_DIR=$dir/conf.d
cat > "$RT_SITE_CONFIG" <<CONF
Set(\$rtname, 'rt.test');
Set(\$Organization, 'rt.test');
Set(\$Timezone, 'UTC');
Set(\$WebDomain, '127.0.0.1');
Set(\$WebPort, $port);
Set(\$WebPath, '');
Set(\$WebBaseURL, '$base');
Set(\$CorrespondAddress, 'rt\@rt.test');
Set(\$CommentAddress, 'rt-comment\@rt.test');
Set(\$MailCommand, 'testfile');
Set(\$LogToSyslog, undef);
Set(\$LogToSTDERR, undef);
Set(\$LogToFile, 'warning');
Set(\$LogDir, '$dir/log');
Set(\$LogToFileNamed, 'rt.log');
Set(\$UseTransactionBatch, 1);
Set(\$StatementLog, undef);
Set(\$DatabaseType, 'SQLite');
Set(\$DatabaseName, '$dir/rt.sqlite');
CONF
if [ -n "${RT_WEBHOOK_URL:-}" ]; then
  printf "Set(\$BridgeWebhookURL, '%s');\nSet(\$BridgeWebhookSecret, '%s');\n" \
    "$(quoted "$RT_WEBHOOK_URL")" "$(quoted "${RT_WEBHOOK_SECRET:-}")" >> "$RT_SITE_CONFIG"
fi
echo "1;" >> "$RT_SITE_CONFIG"
unset RT_WEBHOOK_URL RT_WEBHOOK_SECRET

if [ ! -e "$dir/.ready" ]; then
  # A start that was broken off in the middle leaves half a database: begin anew.
  rm -f "$dir/rt.sqlite"
  head -c 18 /dev/urandom | base64 | tr -d '\n' > "$dir/root.pw"
  {
    rt-setup-database-5 --action init --root-password-file "$dir/root.pw"
    rt-setup-database-5 --action insert --datafile "$here/../../deploy/request-tracker/bridge-initialdata.pl"
    rt-setup-database-5 --action insert --datafile "$here/agent-initialdata.pl"
  } > "$dir/log/init.log" 2>&1 || { tail -n 20 "$dir/log/init.log" >&2; exit 1; }
  perl -I/usr/share/request-tracker5/lib -MRT=-init -e '
    for my $name (@ARGV) {
      my $user = RT::CurrentUser->new;
      $user->Load($name);
      my ( $id, $why, $token ) =
        RT::AuthToken->new( RT->SystemUser )->Create( Owner => $user->Id, Description => "tests" );
      die "$name: $why" unless $id;
      print "$name $token\n";
    }' bridge agent1 > "$dir/tokens"
  touch "$dir/.ready"
fi

setsid /usr/share/request-tracker5/libexec/rt-server --host 127.0.0.1 --port "$port" \
  --max-workers "${RT_WORKERS:-3}" > "$dir/log/server.log" 2>&1 < /dev/null &
echo $! > "$dir/pid"
for _ in $(seq $((up_within_secs * 5))); do
  if answers; then
    echo "Request Tracker runs at $base, pid $(cat "$dir/pid"), tokens in $dir/tokens"
    exit 0
  fi
  if ! kill -0 "$(cat "$dir/pid")" 2>/dev/null; then
    break
  fi
  sleep 0.2
done
echo "start.sh: Request Tracker did not come up on port $port" >&2
tail -n 20 "$dir/log/server.log" >&2
exit 1
