#!/usr/bin/env bash
# Builds a program as it is released, ./cmd/picoca unless another is named.
#
#   scripts/build.sh OUT [PACKAGE]
#
# picoca phone speaks HTTP/1 only: without HTTP/2 the program is 4 % smaller. What
# is not Go's library, and its TLS, which serves a phone or two, is not inlined:
# 5 % smaller, and no slower. Nothing needs cgo.
set -euo pipefail
CGO_ENABLED=0 exec "${GO:-go}" build -tags nethttpomithttp2 -gcflags=all=-l -gcflags=std= -gcflags=crypto/tls=-l \
  -trimpath -ldflags='-s -w' -o "$1" "${2:-./cmd/picoca}"
