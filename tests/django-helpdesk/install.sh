#!/bin/bash
# Installs django-helpdesk into a folder of its own for the tests; nothing outside of it changes, except that
# Debian's package for such folders is installed where it is missing. Its neighbour is start.sh.
# usage: install.sh VENV
set -euo pipefail
if [ $# != 1 ]; then
  echo "usage: install.sh VENV" >&2
  exit 2
fi
venv=$1
# The versions whose source the profile was written from.
wanted=(django-helpdesk==2.6.1 waitress==3.0.2)

installed() {
  [ -x "$venv/bin/python" ] || return 1
  local package
  for package in "${wanted[@]}"; do
    "$venv/bin/python" -c 'import sys, importlib.metadata as m; n, v = sys.argv[1].split("=="); sys.exit(m.version(n) != v)' \
      "$package" 2> /dev/null || return 1
  done
}

if ! installed; then
  if ! python3 -c 'import ensurepip' 2> /dev/null; then
    if [ "$(id -u)" != 0 ]; then
      echo "install.sh: python3 with its package python3-venv is missing" >&2
      exit 1
    fi
    # A fresh machine has no package lists, or old ones; another apt may be at work: wait, at most 5 min.
    export DEBIAN_FRONTEND=noninteractive
    apt-get -o DPkg::Lock::Timeout=300 update -qq
    apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends python3 python3-venv > /dev/null
  fi
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "${wanted[@]}"
fi
"$venv/bin/pip" list --disable-pip-version-check 2> /dev/null | grep -iE '^(django|djangorestframework|django-helpdesk|waitress) '
