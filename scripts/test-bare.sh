#!/usr/bin/env bash
# Runs .ci/run on a bare Debian 12: in a new, minimal root file system with Go
# and a clone of what is committed here, and nothing else.
#   test-bare.sh                    runs .ci/run there
#   test-bare.sh COMMAND [ARG ...]  runs another command in the clone, bash to look around
# It needs root, mmdebstrap, and 8 GB in $TMPDIR for as long as it runs.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  printf 'test-bare.sh: %s\n' "$@" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || die 'makes a root file system: run it as root'
for tool in mmdebstrap unshare pivot_root git go; do
  type -P "$tool" >/dev/null || die "$tool is missing (Debian packages mmdebstrap, util-linux and git; and Go)"
done

# shellcheck source=scripts/debian.sh
. scripts/debian.sh

work=$(mktemp -d)
child=
# The mounts are in a namespace that goes with its processes, and those with
# unshare: killing it leaves a plain folder.
clean_up() {
  [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
  [ -z "$child" ] || wait "$child" 2>/dev/null || true
  rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
root=$work/root

# copy_settings takes over how this machine reaches the registries.
copy_settings() {
  local file
  for file in /etc/hosts /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt /usr/local/share/ca-certificates; do
    [ -e "$file" ] || continue
    mkdir -p "$root${file%/*}" && rm -rf "${root:?}$file" && cp -rL "$file" "$root$file"
  done
}

# credentials prints the files that may have some, and where they belong in the new
# root. They are mounted there, to be read only: a copy could outlive this script.
credentials() {
  local file
  for file in /etc/apt/auth.conf /etc/apt/auth.conf.d ~/.npmrc; do
    [ -e "$file" ] || continue
    case $file in
    ~/*) printf '%s\n' "$file" "/root/${file##*/}" ;;
    *) printf '%s\n' "$file" "$file" ;;
    esac
  done
}

# environment prints what the commands there find set, a line each. No HOME of
# another user's, no locale, none of this shell's variables but those for a network.
environment() {
  echo PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  echo HOME=/root
  echo CI=true
  env | grep -iE '^(https?|ftp|all|no)_proxy=' || true
  local name
  for name in GOPROXY GONOPROXY GOPRIVATE GOSUMDB GONOSUMDB GOINSECURE; do
    echo "$name=$(go env "$name")"
  done
  ! type -P npm >/dev/null || echo "npm_config_registry=$(npm config get registry)"
}

# Not chroot: in one, the tests cannot make user namespaces.
# shellcheck disable=SC2016 # the inner shell replaces these
enter='
root=$1 go=$2
shift 2
mount --bind "$root" "$root"
while [ "$1" != -- ]; do
  mkdir -p "$root${2%/*}"
  [ -d "$1" ] && mkdir -p "$root$2" || touch "$root$2"
  mount --bind -o ro "$1" "$root$2"
  shift 2
done
shift
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount --bind -o ro "$go" "$root/usr/local/go"
cd "$root"
pivot_root . mnt
umount -l /mnt
cd /root/picoca
for name in $(compgen -e); do unset "$name"; done
while IFS= read -r setting; do export "${setting?}"; done <&3
exec 3<&-
exec "$@"
'

bare_debian "$root" "$work"
copy_settings
mkdir -p "$root/usr/local/go"
git clone --quiet --no-local . "$root/root/picoca"
echo "bare Debian $(cat "$root/etc/debian_version"), $(go env GOVERSION), $(git log -1 --format='%h %s')"
[ -z "$(git status --porcelain)" ] || echo 'what is not committed here is not tested'

mapfile -t secrets < <(credentials)
[ $# -gt 0 ] || set -- .ci/run
# In the background, so that a signal to this script finds it waiting. Its
# standard input is this script's. The settings come through a pipe: arguments are
# shown to every user.
unshare --mount --pid --fork --kill-child bash -ec "$enter" bash "$root" "$(go env GOROOT)" "${secrets[@]}" -- "$@" <&0 3< <(environment) &
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
