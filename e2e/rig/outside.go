package rig

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"testing"
)

// Outside runs a tool of Debian's package pkg, bounded by Patience, and returns
// all that it prints.
func Outside(t testing.TB, pkg, tool string, args ...string) (string, error) {
	t.Helper()
	return OutsideWith(t, nil, nil, pkg, tool, args...)
}

// OutsideWith is Outside with more in the environment, and standard input.
func OutsideWith(t testing.TB, env []string, stdin []byte, pkg, tool string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, Need(t, tool, pkg), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
