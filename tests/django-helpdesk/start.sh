#!/bin/bash
# Makes (once) and starts a private django-helpdesk with SQLite, all in one folder, on loopback.
# Its neighbour install.sh makes VENV.
#
# usage: start.sh VENV DIR PORT
#   HELPDESK_WEBHOOK_URL   where it posts new tickets and follow-ups (default: nowhere)
# Leaves in DIR: people ("NAME ID TOKEN", one a line; "queue ID -"), pid, server.log.
# Started again on the same DIR it keeps all data.
# stop: kill "$(cat DIR/pid)"
set -euo pipefail
if [ $# != 3 ]; then
  echo "usage: start.sh VENV DIR PORT" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
umask 077
mkdir -p "$2"
venv=$1
dir=$(cd "$2" && pwd)
port=$3
# How long to wait for the first answer; a loaded machine took 3 s.
up_within_secs=60

export PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
export DJANGO_SETTINGS_MODULE=helpdesk_settings HELPDESK_FOLDER=$dir

if [ ! -e "$dir/.ready" ]; then
  # A start that was broken off in the middle leaves half a database: begin anew.
  rm -f "$dir"/helpdesk.sqlite*
  "$venv/bin/django-admin" migrate -v0 > "$dir/init.log" 2>&1 || { tail -n 20 "$dir/init.log" >&2; exit 1; }
  "$venv/bin/python" "$here/first_data.py" > "$dir/people"
  touch "$dir/.ready"
fi

setsid "$venv/bin/waitress-serve" --host 127.0.0.1 --port "$port" --threads 4 \
  --call django.core.wsgi:get_wsgi_application >> "$dir/server.log" 2>&1 < /dev/null &
echo $! > "$dir/pid"
token=$(awk '$1 == "bridge" { print $3 }' "$dir/people")
for _ in $(seq $((up_within_secs * 5))); do
  if curl -fsS -m 5 -o /dev/null -H "Authorization: Token $token" "http://127.0.0.1:$port/api/tickets/" 2> /dev/null; then
    echo "django-helpdesk runs at http://127.0.0.1:$port, pid $(cat "$dir/pid"), tokens in $dir/people"
    exit 0
  fi
  if ! kill -0 "$(cat "$dir/pid")" 2> /dev/null; then
    break
  fi
  sleep 0.2
done
echo "start.sh: django-helpdesk did not come up on port $port" >&2
tail -n 20 "$dir/server.log" >&2
exit 1
