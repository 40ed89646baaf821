#!/usr/bin/env bash
# Formatting, vet, fixes that Go itself knows, staticcheck, and tidy modules.
set -euo pipefail
cd "$(dirname "$0")/.."

# Found without git: a copy of the sources may have none. To find none is a
# failure, not a pass.
files=$(find . -name node_modules -prune -o -name '*.go' -print)
if [ -z "$files" ]; then
  echo "no Go files found"
  exit 1
fi
unformatted=$(gofmt -l $files)
if [ -n "$unformatted" ]; then
  echo "not formatted (gofmt -w):"
  echo "$unformatted"
  exit 1
fi
go vet ./...
go -C tools/zlint vet ./...
go fix -diff ./... || {
  echo "Go has a newer way to write this (go fix ./...)"
  exit 1
}
go tool -modfile=tools.mod staticcheck ./...
go mod tidy -diff
echo "lint: clean"
