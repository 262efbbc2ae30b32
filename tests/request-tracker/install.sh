#!/bin/bash
# Installs Request Tracker 5 from Debian for the tests: asks nothing, configures nothing system-wide
# and makes no database; start.sh makes an instance in a folder of its own. Runs as root, as often
# as you like. Its neighbour is start.sh.
# usage: install.sh
set -euo pipefail

packages=(request-tracker5 rt5-db-sqlite rt5-standalone dbconfig-no-thanks msmtp-mta curl)

installed() {
  local package
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || return 1
  done
}

if installed; then
  dpkg-query -W -f '${Package} ${Version}\n' request-tracker5
  exit 0
fi
if [ "$(id -u)" != 0 ]; then
  echo "install.sh: must run as root (it calls apt-get)" >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
# The answers to what the package would ask. Without dbconfig it leaves the database to us.
debconf-set-selections <<'ANSWERS'
dbconfig-common dbconfig-common/dbconfig-install boolean false
request-tracker5 request-tracker5/dbconfig-install boolean false
request-tracker5 request-tracker5/rtname string rt.test
request-tracker5 request-tracker5/organization string rt.test
request-tracker5 request-tracker5/correspondaddress string rt@rt.test
request-tracker5 request-tracker5/commentaddress string rt-comment@rt.test
request-tracker5 request-tracker5/webbaseurl string http://127.0.0.1
request-tracker5 request-tracker5/webpath string
request-tracker5 request-tracker5/handle-siteconfig-permissions boolean true
request-tracker5 request-tracker5/initial-root-password password unused-here
request-tracker5 request-tracker5/initial-root-password-again password unused-here
request-tracker5 request-tracker5/install-cronjobs boolean false
ANSWERS

# While we install, no package may start a service; a policy that was there before stays.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' > "$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi

# A fresh machine has no package lists, or old ones whose files are gone from the mirror: always
# fetch them. Another apt may be at work: wait for it, at most 5 min.
lock=(-o DPkg::Lock::Timeout=300)
apt-get "${lock[@]}" update -qq
apt-get "${lock[@]}" install -y -qq --no-install-recommends "${packages[@]}" > /dev/null
dpkg-query -W -f '${Package} ${Version}\n' request-tracker5
