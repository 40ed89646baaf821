#!/usr/bin/env bash
# Builds picoca for every system that it is for, without cgo.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for target in linux/amd64 linux/arm64 linux/arm/6 darwin/arm64 darwin/amd64 windows/amd64; do
  IFS=/ read -r os arch arm <<<"$target"
  GOOS=$os GOARCH=$arch GOARM=$arm scripts/build.sh "$out/picoca"
  size=$(stat -c %s "$out/picoca")
  printf '%-14s %9d bytes\n' "$target" "$size"
  if [ "$size" -gt 11600000 ] && [ "$target" = linux/amd64 ]; then
    echo "the stripped binary is over 11.6 MB"
    exit 1
  fi
done
