#!/usr/bin/env bash
# Formatting, vet, staticcheck, and tidy modules.
set -euo pipefail
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
  echo "not formatted (gofmt -w):"
  echo "$unformatted"
  exit 1
fi
go vet ./...
go tool -modfile=tools.mod staticcheck ./...
go mod tidy -diff
echo "lint: clean"
