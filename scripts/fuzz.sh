#!/usr/bin/env bash
# Runs every fuzz target of the project for a time each: fuzz.sh 10s
set -euo pipefail
cd "$(dirname "$0")/.."
time=${1:?usage: fuzz.sh TIME}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Go before 1.27 at times reports the end of -fuzztime itself as a failure
# (go.dev/issue/75804). It is known by its one line, with no input found.
only_time_is_up() {
  grep -qx '    context deadline exceeded' "$log" && ! grep -qE 'Failing input|panic|hung|_test\.go:[0-9]+:' "$log"
}

# Found without git: a copy of the sources may have none. To find none is a
# failure, not a pass.
files=$(grep -rl --include='*_test.go' --exclude-dir=node_modules '^func Fuzz' . | sort) || {
  echo "no fuzz target found"
  exit 1
}
for file in $files; do
  for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file"); do
    echo "$target ($file)"
    go test -vet=off -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$(dirname "$file")" |
      tee "$log" | grep -v '^fuzz: elapsed' || only_time_is_up
  done
done
