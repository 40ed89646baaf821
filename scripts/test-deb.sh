#!/usr/bin/env bash
# Installs, uses, upgrades and removes a .deb on a bare Debian 12.
#   test-deb.sh PICOCA.deb
# It needs root, mmdebstrap and dpkg-deb.
set -euo pipefail

die() {
  printf 'test-deb.sh: %s\n' "$@" >&2
  exit 1
}

[ $# = 1 ] || die 'expected one .deb'
deb=$(realpath "$1")
cd "$(dirname "$0")/.."
# shellcheck source=scripts/debian.sh
. scripts/debian.sh
[ "$(id -u)" = 0 ] || die 'makes a root file system: run it as root'
for tool in mmdebstrap dpkg-deb chroot; do
  type -P "$tool" >/dev/null || die "$tool is missing"
done

work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
root=$work/root
bare_debian "$root" "$work"

# The version before it is the same one with a lower number and a file more.
dpkg-deb -R "$deb" "$work/old"
sed -i 's/^Version: .*/Version: 0.0.0~0/' "$work/old/DEBIAN/control"
touch "$work/old/usr/share/doc/picoca/old"
dpkg-deb --build --root-owner-group "$work/old" "$root/old.deb" >/dev/null
cp "$deb" "$root/new.deb"

# apt takes what a user runs; there is no network, and nothing else to fetch.
cat >"$root/session" <<'SESSION'
set -eux
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
install="apt-get install --yes --no-install-recommends -o Dpkg::Use-Pty=0"
$install /old.deb
useradd --create-home ann
su ann -c 'cd && picoca init --no-passphrase && picoca issue pico.local'
test -e /usr/share/doc/picoca/old

$install /new.deb
test ! -e /usr/share/doc/picoca/old
dpkg --verify picoca
su ann -c 'cd && picoca --version && picoca list && picoca renew pico.local' | grep pico.local
test -s /usr/share/bash-completion/completions/picoca

apt-get remove --yes picoca
test ! -e /usr/bin/picoca
test ! -e /usr/share/doc/picoca
test -d /home/ann/.local/share/picoca
SESSION
env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root chroot "$root" sh /session
echo "installed, used, upgraded and removed: $(basename "$deb")"
