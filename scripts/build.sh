#!/usr/bin/env bash
# Builds a program as it is released, ./cmd/picoca unless another is named.
#
#   scripts/build.sh OUT [PACKAGE]
#
# picoca phone speaks HTTP/1 only: without HTTP/2 the program is 4 % smaller. Of Go's
# library only that is inlined which each certificate waits for, and picoca's own code is
# not: 6 % smaller, and no slower. Nothing needs cgo.
set -euo pipefail
plain=()
for package in net/... vendor/... crypto/tls text/... html/... mime/... regexp/... archive/... compress/... \
  encoding/xml encoding/csv math/big time/... os/exec log/... flag fmt reflect bufio syscall internal/poll; do
  plain+=("-gcflags=$package=-l")
done
CGO_ENABLED=0 exec "${GO:-go}" build -tags nethttpomithttp2 -gcflags=all=-l -gcflags=std= "${plain[@]}" \
  -trimpath -ldflags='-s -w' -o "$1" "${2:-./cmd/picoca}"
