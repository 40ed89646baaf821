#!/bin/bash
# Builds the TLS stacks of Pico W firmware for this computer, 32-bit like the board, from Debian's own source packages.
# README.md says what each program is. Usage:
#   build.sh          builds what is missing and prints the folder that holds the programs
#   build.sh --print  prints that folder when it is built; status 1 when it is not
# The folder lies in ${PICOCA_BOARDS_CACHE:-${XDG_CACHE_HOME:-~/.cache}/picoca/boards}.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${PICOCA_BOARDS_CACHE:-${XDG_CACHE_HOME:-${HOME:?set it, or PICOCA_BOARDS_CACHE}/.cache}/picoca/boards}

# What is wanted: folder, package, version pattern, and which of the versions that fit. The lowest mbedTLS 3.6 is the one
# nearest to the firmware's 3.6.2. The highest MicroPython up to 1.28 is nearest to the boards of today; when sid moves on,
# trixie's 1.25 remains. lwIP 2.2 is what the Pico SDK 2 has; of the SDK itself, from 2.2 on, two files are wanted.
wanted='
mbedtls-2.28 mbedtls     ^2[.]28[.]3-   lowest
mbedtls-3.6  mbedtls     ^3[.]6[.]      lowest
micropython  micropython ^1[.]2[5-8][.] highest
lwip         lwip        ^2[.]2[.]      lowest
pico-sdk     pico-sdk    ^2[.]([2-9]|1[0-9])[.] lowest
'
releases='bookworm trixie sid'

die() {
  printf 'build.sh: %s\n' "$@" >&2
  exit 1
}

# The key covers all that goes into the programs: these files (the wanted versions are in this one) and the compiler.
inputs() {
  cd "$here"
  find build.sh tls picow lib -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  gcc -dumpfullversion -dumpmachine 2>/dev/null || echo 'no compiler'
}
folder=$cache/$(inputs | sha256sum | cut -c1-16)

case "${1-}" in
--print)
  [ -e "$folder/versions.json" ] && echo "$folder"
  exit
  ;;
'') ;;
*) die "unknown argument \"$1\", want none or --print" ;;
esac

require_tools() {
  local missing=() pair
  for pair in gcc:gcc-multilib make:make python3:python3 xz:xz-utils bzip2:bzip2 patch:dpkg-dev; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  if command -v gcc >/dev/null && ! gcc -m32 -x c -o /dev/null - 2>/dev/null <<<'#include <stdio.h>
int main(void) { return 0; }'; then
    missing+=(gcc-multilib)
  fi
  [ ${#missing[@]} -eq 0 ] || die "programs are missing: apt-get install ${missing[*]}"
  command -v apt-get >/dev/null || die 'apt-get is missing: the sources come from Debian'
}

# mirror prints the Debian mirror of this machine's apt configuration. A machine without package lists (a fresh image) has
# to fetch them first; that goes to a folder of ours.
mirror() {
  # shellcheck disable=SC2016 # apt and awk replace these
  local format='$(REPO_URI) $(ORIGIN) $(LABEL)' pick='$2 == "Debian" && $3 == "Debian" && NF == 3 {print $1; exit}' found
  found=$(apt-get indextargets --format "$format" | awk "$pick")
  if [ -z "$found" ]; then
    local own=(apt-get -o "Dir::State::lists=$PWD/machine" -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User=root)
    "${own[@]}" update -qq || true
    found=$("${own[@]}" indextargets --format "$format" | awk "$pick")
  fi
  [ -n "$found" ] || die "no Debian mirror in this machine's apt sources"
  echo "$found"
}

# open_sources makes apt know the source packages of the releases, in lists of its own: the machine's stay as they are.
open_sources() {
  mkdir -p lists/partial machine/partial cache
  local uri release
  uri=$(mirror)
  for release in $releases; do
    echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release main"
  done >sources.list
  options=(-o "Dir::Etc::sourcelist=$PWD/sources.list" -o Dir::Etc::sourceparts=/dev/null -o "Dir::State::lists=$PWD/lists"
    -o "Dir::Cache=$PWD/cache" -o APT::Sandbox::User=root)
  # A release that the mirror no longer carries is no failure yet: the version may stand in another.
  apt-get "${options[@]}" update -qq 2>update.log || true
}

# choose PACKAGE PATTERN lowest|highest prints a version.
choose() {
  local all fits
  all=$(apt-cache "${options[@]}" showsrc "$1" 2>/dev/null | awk '/^Version: /{print $2}' | sort -uV)
  fits=$(grep -E "$2" <<<"$all" || true)
  if [ -z "$fits" ]; then
    cat update.log >&2
    die "no source of $1 with a version like $2 in $releases at $(awk 'NR == 1 {print $3}' sources.list)" \
      "found there: ${all:-nothing}"
  fi
  if [ "$3" = lowest ]; then head -1 <<<"$fits"; else tail -1 <<<"$fits"; fi
}

# fetch DIR PACKAGE VERSION unpacks the upstream part of a source package; what was downloaded before is kept and checked
# by apt against the signed lists.
fetch() {
  local upstream=${3%-*} file
  (cd "$cache/sources" && apt-get "${options[@]}" source -qq --download-only --tar-only "$2=$3") ||
    die "cannot download the source of $2 $3"
  file=$(compgen -G "$cache/sources/$2_$upstream.orig.tar.*" | grep -v '[.]asc$' | head -1)
  [ -n "$file" ] || die "the source package $2 $3 has no orig.tar"
  mkdir "$1"
  tar xf "$file" -C "$1" --strip-components=1 --exclude='*/tests' --exclude='*/docs'
}

fetch_all() {
  local dir package pattern which version
  echo '{' >versions.json
  while read -r dir package pattern which; do
    [ -n "$dir" ] || continue
    version=$(choose "$package" "$pattern" "$which")
    echo "build.sh: $package $version" >&2
    fetch "$dir" "$package" "$version"
    printf '  "%s": "%s",\n' "$dir" "$version" >>versions.json
  done <<<"$wanted"
  printf '  "gcc": "%s"\n}\n' "$(gcc -dumpfullversion)" >>versions.json
}

# harness NAME MBEDTLS CONFIG [DEFINE...] compiles mbedTLS and our program around it. Warnings of code that is not ours
# help nobody; ours compiles under -Wall -Wextra -Werror.
harness() {
  local name=$1 mbedtls=$2 config=$3
  shift 3
  local flags=(-m32 -O2 -ffunction-sections "$@" "-DMBEDTLS_CONFIG_FILE=\"$config\"" -DMBEDTLS_ALLOW_PRIVATE_ACCESS
    "-I$here/tls" -isystem "$mbedtls/include" -isystem micropython)
  mkdir "objects-$name"
  # shellcheck disable=SC2016 # the inner shell replaces these
  printf '%s\n' "$mbedtls"/library/*.c | xargs -P"$(nproc)" -I{} \
    sh -c 'gcc -w "$@" -c {} -o "$0/$(basename {} .c).o"' "objects-$name" "${flags[@]}"
  gcc -std=gnu11 -Wall -Wextra -Werror "${flags[@]}" "$here"/tls/*.c "objects-$name"/*.o -Wl,--gc-sections -o "out/$name"
}

# real_micropython builds the unix port as the variant picow, with the mbedTLS that Debian's package leaves out.
real_micropython() {
  cp -r mbedtls-3.6/. micropython/lib/mbedtls/
  cp -r "$here/picow" micropython/ports/unix/variants/picow
  cp "$here/tls/clock.c" "$here/tls/clock.h" micropython/ports/unix/variants/picow/
  # picow/repl.c takes the place of the port's own prompt, which has no raw REPL.
  sed -i 's/^static int do_repl(void)/int board_repl(void);\n__attribute__((unused)) &/; s/ret = do_repl();/ret = board_repl();/' micropython/ports/unix/main.c
  grep -q 'ret = board_repl();' micropython/ports/unix/main.c || die "MicroPython's prompt is not where it was"
  make -C micropython/ports/unix -j"$(nproc)" VARIANT=picow MICROPY_FORCE_32BIT=1 FROZEN_MANIFEST= >micropython.log 2>&1 || {
    tail -20 micropython.log >&2
    die 'the real MicroPython does not build'
  }
  cp micropython/ports/unix/build-picow/micropython out/
  cp -r micropython/extmod/asyncio "$here/lib/." out/lib/
}

# example_sources keeps what a project for the Pico SDK is linked with: its own headers configure all of that, so it cannot
# be compiled before there is a project. pico-sdk/Makefile does it.
example_sources() {
  local pico=pico-sdk/src/rp2_common
  mkdir -p "out/sources/$pico" out/sources/lwip
  cp -r lwip/src out/sources/lwip/
  cp -r "$pico/pico_lwip" "$pico/pico_mbedtls" "out/sources/$pico/"
  local mbedtls
  for mbedtls in mbedtls-2.28 mbedtls-3.6; do
    mkdir "out/sources/$mbedtls"
    cp -r "$mbedtls/include" "$mbedtls/library" "out/sources/$mbedtls/"
  done
}

build() {
  mkdir -p out/lib
  open_sources
  fetch_all
  harness tls-circuitpython mbedtls-2.28 circuitpython.h
  # The file of the firmware's own port: MicroPython's configuration is not restated here.
  local rp2=ports/rp2/mbedtls/mbedtls_config_port.h
  harness tls-micropython mbedtls-3.6 "$rp2"
  harness tls-micropython-pem mbedtls-3.6 "$rp2" -DMBEDTLS_PEM_PARSE_C -DMBEDTLS_BASE64_C
  real_micropython
  example_sources
  cp versions.json out/
}

mkdir -p "$cache/sources"
exec 9>"$cache/lock"
flock 9 # two builds at once would do the same work twice
if [ ! -e "$folder/versions.json" ]; then
  require_tools
  rm -rf "$cache"/build.?????? # of a build that was killed: the lock is ours, so none is running
  work=$(mktemp -d "$cache/build.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && build)
  rm -rf "$folder"
  mv "$work/out" "$folder" # one step: a build that was cut off leaves nothing here
fi
echo "$folder"
