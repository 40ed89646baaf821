#!/usr/bin/env bash
# Builds what a release consists of, from what is committed: archives, packages,
# a Homebrew formula, a Scoop manifest, an AUR PKGBUILD, a bill of materials, and
# their hashes.
#
#   scripts/release.sh [FOLDER]   in bin/release, unless another is named
#
# The same commit and the same tools give the same bytes, in any folder: every
# time is the commit's, every order and owner is fixed.
# It needs git, GNU tar and zip.
set -euo pipefail
cd "$(dirname "$0")/.."

die() {
  printf 'release.sh: %s\n' "$@" >&2
  exit 1
}

for tool in git tar gzip zip go; do
  type -P "$tool" >/dev/null || die "$tool is missing"
done
[ -z "$(git status --porcelain)" ] || die 'some files are not committed (git status lists them)'

# What this shell has set must not change what is built.
unset GOOS GOARCH GOARM GOAMD64 GOARM64 GOEXPERIMENT
export LC_ALL=C TZ=UTC GOFLAGS=-buildvcs=true
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
umask 022

out=${1:-bin/release}
mkdir -p "$out"
out=$(cd "$out" && pwd)
[ -z "$(ls -A "$out")" ] || die "$out is not empty"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

targets='linux/amd64 linux/arm64 linux/arm/6 darwin/arm64 darwin/amd64 windows/amd64'
site=https://github.com/picoca/picoca

# label OS/ARCH[/ARM] is how a target is named in files: linux-armv6.
label() {
  case $1 in
  */arm/6) echo "${1%%/*}-armv6" ;;
  *) echo "${1/\//-}" ;;
  esac
}

build() {
  local os arch arm name=picoca
  IFS=/ read -r os arch arm <<<"$1"
  [ "$os" != windows ] || name=picoca.exe
  mkdir -p "$work/$(label "$1")"
  GOOS=$os GOARCH=$arch GOARM=$arm scripts/build.sh "$work/$(label "$1")/$name"
}

# common makes the files that every archive and package has, in $work/common.
common() {
  local shell
  mkdir -p "$work/common/completions"
  cp LICENSE README.md CHANGELOG.md "$work/common/"
  scripts/licences.sh >"$work/common/LICENCES-OF-PARTS.txt"
  scripts/build.sh "$work/picoca"
  for shell in bash zsh fish powershell; do
    "$work/picoca" completion "$shell" >"$work/common/completions/picoca.$shell"
  done
  if make -n man >/dev/null 2>&1; then
    make --silent man >&2
    mkdir "$work/common/man" "$work/man"
    cp bin/man/*.1 "$work/common/man/"
    cp bin/man/*.1 "$work/man/" && gzip -9n "$work"/man/*.1 # as packages have them
  fi
}

# stamp gives everything in a folder the commit's time.
stamp() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

archive() {
  local target=$1 name
  name=picoca-$version-$(label "$target")
  mkdir "$work/$name"
  cp -r "$work/common/." "$work/$(label "$target")/." "$work/$name/"
  stamp "$work/$name"
  case $target in
  windows/*) (cd "$work" && find "$name" | sort | zip -X -q -@ "$out/$name.zip") ;;
  *) tar -C "$work" --format=ustar --sort=name --owner=root:0 --group=root:0 --mtime="@$SOURCE_DATE_EPOCH" -c "$name" | gzip -9n >"$out/$name.tar.gz" ;;
  esac
}

# packages TARGET makes the .deb, .rpm and .apk; nfpm translates the names of Go's
# architectures into each format's.
packages() {
  local arch format
  IFS=/ read -r _ arch <<<"$1"
  for format in deb rpm apk; do
    nfpm_config "${arch/arm\/6/arm6}" "$work/$(label "$1")/picoca" $format >"$work/nfpm.yaml"
    "$work/tools/nfpm" package -f "$work/nfpm.yaml" -p "$format" -t "$out/picoca-$version-$(label "$1").$format" >/dev/null
  done
}

# apk_version is the version for Alpine, which knows 1.2.3_rc1, and for a commit
# 1.2.3_git20261126033000.
# https://wiki.alpinelinux.org/wiki/APKBUILD_Reference#pkgver
apk_version() {
  sed -E 's/-(0\.)?([0-9]{14})-[0-9a-f]{12}$/_git\2/; s/-(alpha|beta|rc)\.?([0-9]*)$/_\1\2/' <<<"$version"
}

# nfpm_config ARCHITECTURE PROGRAM FORMAT prints what goes into a package.
nfpm_config() {
  local number=$version schema=semver description='Certificate authority for the devices in your home.
  It issues certificates that fit a Raspberry Pi Pico W or any other device in a
  home, writes the files the device loads, and gets phones to trust them.'
  # A description has one line there.
  [ "$3" != apk ] || { number=$(apk_version) schema=none description=${description%%.*}; }
  cat <<YAML
name: picoca
arch: $1
platform: linux
version: "$number"
version_schema: $schema
section: utils
maintainer: the picoca authors <picoca@users.noreply.github.com>
description: |
  $description
homepage: $site
license: MIT
mtime: "$(date -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)"
overrides:
  deb: {recommends: [ca-certificates, libnss3-tools]}
  rpm: {recommends: [ca-certificates, nss-tools]}
rpm: {buildhost: localhost, summary: Certificate authority for the devices in your home}
contents:
  - {src: $2, dst: /usr/bin/picoca, file_info: {mode: 0755}}
  - {src: $work/common/completions/picoca.bash, dst: /usr/share/bash-completion/completions/picoca}
  - {src: $work/common/completions/picoca.zsh, dst: /usr/share/zsh/vendor-completions/_picoca, packager: deb}
  - {src: $work/common/completions/picoca.zsh, dst: /usr/share/zsh/site-functions/_picoca, packager: rpm}
  - {src: $work/common/completions/picoca.zsh, dst: /usr/share/zsh/site-functions/_picoca, packager: apk}
  - {src: $work/common/completions/picoca.fish, dst: /usr/share/fish/vendor_completions.d/picoca.fish}
  - {src: LICENSE, dst: /usr/share/doc/picoca/copyright}
  - {src: $work/common/LICENCES-OF-PARTS.txt, dst: /usr/share/doc/picoca/LICENCES-OF-PARTS.txt}
  - {src: README.md, dst: /usr/share/doc/picoca/README.md}
  - {src: CHANGELOG.md, dst: /usr/share/doc/picoca/CHANGELOG.md}
YAML
  local page
  for page in "$work"/man/*.1.gz; do
    [ ! -e "$page" ] || echo "  - {src: $page, dst: /usr/share/man/man1/${page##*/}}"
  done
}

# hash LABEL.EXT prints the hash of that artefact.
hash() { sha256sum "$out/picoca-$version-$1" | cut -d ' ' -f 1; }

formula() {
  cat <<RUBY
class Picoca < Formula
  desc "Certificate authority for the devices in your home"
  homepage "$site"
  version "$version"
  license "MIT"

  on_macos do
$(formula_url arm darwin-arm64)
$(formula_url intel darwin-amd64)
  end
  on_linux do
$(formula_url arm linux-arm64)
$(formula_url intel linux-amd64)
  end

  def install
    bin.install "picoca"
    bash_completion.install "completions/picoca.bash" => "picoca"
    zsh_completion.install "completions/picoca.zsh" => "_picoca"
    fish_completion.install "completions/picoca.fish"
    man1.install Dir["man/*.1"]
  end

  test do
    assert_match "version v#{version}", shell_output("#{bin}/picoca --version")
  end
end
RUBY
}

formula_url() {
  cat <<RUBY
    on_$1 do
      url "$site/releases/download/v$version/picoca-$version-$2.tar.gz"
      sha256 "$(hash "$2.tar.gz")"
    end
RUBY
}

scoop() {
  cat <<JSON
{
  "version": "$version",
  "description": "Certificate authority for the devices in your home",
  "homepage": "$site",
  "license": "MIT",
  "architecture": {
    "64bit": {
      "url": "$site/releases/download/v$version/picoca-$version-windows-amd64.zip",
      "hash": "$(hash windows-amd64.zip)",
      "extract_dir": "picoca-$version-windows-amd64"
    }
  },
  "bin": "picoca.exe",
  "checkver": "github"
}
JSON
}

# A version for pacman has no hyphen.
pkgbuild() {
  cat <<PKGBUILD
# Maintainer: the picoca authors
pkgname=picoca-bin
_version=$version
pkgver=${version//-/_}
pkgrel=1
pkgdesc='Certificate authority for the devices in your home'
arch=(x86_64 aarch64 armv6h)
url=$site
license=(MIT)
optdepends=('nss: make Chromium and Firefox trust the CA')
provides=(picoca)
conflicts=(picoca)
source_x86_64=("\$url/releases/download/v\$_version/picoca-\$_version-linux-amd64.tar.gz")
source_aarch64=("\$url/releases/download/v\$_version/picoca-\$_version-linux-arm64.tar.gz")
source_armv6h=("\$url/releases/download/v\$_version/picoca-\$_version-linux-armv6.tar.gz")
sha256sums_x86_64=('$(hash linux-amd64.tar.gz)')
sha256sums_aarch64=('$(hash linux-arm64.tar.gz)')
sha256sums_armv6h=('$(hash linux-armv6.tar.gz)')

package() {
  cd picoca-"\$_version"-linux-*
  install -Dm755 picoca "\$pkgdir/usr/bin/picoca"
  install -Dm644 completions/picoca.bash "\$pkgdir/usr/share/bash-completion/completions/picoca"
  install -Dm644 completions/picoca.zsh "\$pkgdir/usr/share/zsh/site-functions/_picoca"
  install -Dm644 completions/picoca.fish "\$pkgdir/usr/share/fish/vendor_completions.d/picoca.fish"
  install -Dm644 -t "\$pkgdir/usr/share/licenses/\$pkgname" LICENSE LICENCES-OF-PARTS.txt
  [ ! -d man ] || install -Dm644 -t "\$pkgdir/usr/share/man/man1" man/*.1
}
PKGBUILD
}

materials() {
  GOFLAGS='-buildvcs=true -tags=nethttpomithttp2' GOOS=linux GOARCH=amd64 CGO_ENABLED=0 \
    "$work/tools/cyclonedx-gomod" app -json -noserial -notimestamp -licenses -std -main cmd/picoca -output "$out/picoca-$version.cdx.json" .
}

mkdir "$work/tools"
GOFLAGS=-buildvcs=false CGO_ENABLED=0 go -C tools/release build -trimpath -o "$work/tools/" tool
common
# Go derives it from the tag, or else from the commit.
version=$(go version -m "$work/picoca" | sed -n 's/^\tmod\t[^\t]*\tv\([^\t]*\).*/\1/p')
[ -n "$version" ] || die 'the program has no version: is this a clone of the repository?'
for target in $targets; do
  build "$target"
  archive "$target"
  case $target in linux/*) packages "$target" ;; esac
done
formula >"$out/picoca.rb"
scoop >"$out/picoca.json"
pkgbuild >"$out/PKGBUILD"
materials
(cd "$out" && sha256sum -- * >"$work/sums" && mv "$work/sums" SHA256SUMS)
echo "picoca $version: $(find "$out" -type f | wc -l) files in $out"
