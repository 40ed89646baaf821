#!/usr/bin/env bash
# Installs what the tests need beside Go: Debian packages, and npm packages for
# the browser tests. As root, or in CI, it installs what is missing; elsewhere
# it prints the one line that does, and the tests name what they skip.
set -euo pipefail
cd "$(dirname "$0")/.."

# A command that a test runs, and the Debian package that has it.
commands="
gcc:gcc g++:g++ make:make git:git curl:curl openssl:openssl python3:python3 node:nodejs npm:npm
gnutls-cli:gnutls-bin certtool:gnutls-bin mkcert:mkcert mount:mount tmux:tmux time:time
chromium:chromium WebKitWebDriver:webkit2gtk-driver xvfb-run:xvfb xauth:xauth certutil:libnss3-tools zbarimg:zbar-tools
jq:jq java:default-jdk-headless javac:default-jdk-headless plistutil:libplist-utils xmllint:libxml2-utils
firefox-esr:firefox-esr wget:wget unshare:util-linux xdotool:xdotool valgrind:valgrind xz:xz-utils bzip2:bzip2 dpkg-source:dpkg-dev
mosquitto_pub:mosquitto-clients caddy:caddy ip:iproute2 eapol_test:eapoltest systemd-analyze:systemd
zsh:zsh fish:fish mandoc:mandoc man:man-db groff:groff-base
pdftoppm:poppler-utils age:age script:bsdutils
ssh-agent:openssh-client softhsm2-util:softhsm2 fusefat:fusefat faketime:faketime
"
# deps.sh all: and what only make test-all runs.
if [ "${1:-}" = all ]; then
  commands+=" zip:zip unzip:unzip rpm:rpm rpm2cpio:rpm2cpio cpio:cpio ruby:ruby mmdebstrap:mmdebstrap
    qemu-arm-static:qemu-user-static wine:wine x86_64-w64-mingw32-gcc:gcc-mingw-w64-x86-64"
fi
# Packages without a command of their own, or with one that not everyone's PATH
# has: the servers that run with their devices' files, and readers for Python.
packages="libc6-dev ca-certificates fonts-dejavu-core mosquitto nginx haproxy openvpn dovecot-imapd freeradius libmbedtls-dev"
packages+=" openssh-server dosfstools busybox libbearssl-dev libwolfssl-dev avahi-daemon bash-completion"
packages+=" python3-icalendar python3-prometheus-client"
# The boards' stacks are built for 32 bits, as a board runs them.
[ "$(uname -m)" != x86_64 ] || packages+=" gcc-multilib"

missing=()
# type -P looks only for files: time is a keyword of this shell too.
for pair in $commands; do
  type -P "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
for package in $packages; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  if [ "$(id -u)" != 0 ] && [ -z "${CI:-}" ]; then
    echo "missing, and their tests will be skipped; to install them run:"
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    exit 0
  fi
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if [ -f testdata/clients/package-lock.json ] && ! [ testdata/clients/node_modules/.package-lock.json -nt testdata/clients/package-lock.json ]; then
  npm ci --engine-strict --prefix testdata/clients --no-audit --no-fund --ignore-scripts
fi
