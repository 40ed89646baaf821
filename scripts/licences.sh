#!/usr/bin/env bash
# Prints the licences of everything that is linked into picoca, on any of the
# systems that it is for: each module with its version, and its licence's text.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

# modules prints a line "PATH VERSION FOLDER" for each module.
modules() {
  local os
  for os in linux darwin windows; do
    CGO_ENABLED=0 GOOS=$os GOARCH=amd64 go list -tags nethttpomithttp2 -deps \
      -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/picoca
  done | sort -u
}

# licence NAME VERSION FOLDER prints all texts in a folder that a licence consists of.
licence() {
  printf '\n==== %s %s ====\n' "$1" "$2"
  local text found=
  for text in "$3"/LICEN[CS]E* "$3"/COPYING* "$3"/NOTICE* "$3"/PATENTS*; do
    [ -f "$text" ] || continue
    case $text in */PATENTS*) ;; *) found=1 ;; esac
    echo
    cat "$text"
  done
  [ -n "$found" ] || {
    echo "licences.sh: $1 $2 has no licence in $3" >&2
    exit 1
  }
}

echo 'picoca is under the licence in LICENSE. These parts of it are under their own:'
list=$(modules)
while read -r path version folder; do
  licence "$path" "$version" "$folder"
done <<<"$list"
licence "Go's library" "$(go env GOVERSION)" "$(go env GOROOT)"
