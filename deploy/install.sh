#!/bin/sh
# Install duesync as a systemd service on a bare Debian: sh deploy/install.sh   (as root, from a checkout)
# Running it again upgrades: the configuration and the store are left alone.
set -eu
[ "$(id -u)" = 0 ] || { echo "run as root" >&2; exit 1; }
here=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
prefix=${PREFIX:-/opt/duesync}

if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  apt-get update -q
  apt-get install -y -q --no-install-recommends python3 python3-venv ca-certificates fonts-dejavu-core
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "duesync needs Python 3.11 or newer" >&2; exit 1; }

mkdir -p "$prefix/share" /etc/duesync/credentials
chmod 0700 /etc/duesync/credentials
[ -x "$prefix/venv/bin/python" ] || python3 -m venv "$prefix/venv"
"$prefix/venv/bin/pip" install --quiet --require-hashes -r "$here/requirements.lock"
"$prefix/venv/bin/pip" install --quiet --no-deps --no-build-isolation --force-reinstall "$here"
cp "$here/README.md" "$here/config.example.toml" "$prefix/share/"
ln -sf "$prefix/venv/bin/duesync" /usr/local/bin/duesync

if [ ! -e /etc/duesync/credentials/vault-key ]; then
  "$prefix/venv/bin/duesync" config new-key > /etc/duesync/credentials/vault-key
  chmod 0600 /etc/duesync/credentials/vault-key
fi
if [ -d /etc/systemd/system ]; then
  sed "s|/opt/duesync|$prefix|g" "$here/deploy/duesync.service" > /etc/systemd/system/duesync.service
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
fi
cat <<EOF
duesync is installed in $prefix.
Next:
  duesync init /etc/duesync/duesync.toml       and in it: [store] url = "sqlite:////var/lib/duesync/duesync.db"
                                                          [vault] key = "credential:duesync_vault-key"
  duesync --config /etc/duesync/duesync.toml config check
  systemctl enable --now duesync
  journalctl -u duesync -f
EOF
