#!/usr/bin/env bash
# The shell of make in CI: it also prints how long each command took.
#   make SHELL=$PWD/scripts/timed.sh test
# The makes that a command runs keep their own shell.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES
TIMEFORMAT='%0R s, %0U s user, %0S s system'
time bash "$@"
status=$?
echo "  for ${2%%$'\n'*}" >&2
exit $status
