package verifiers

import (
	"crypto/x509"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
)

// byMbedTLS asks mbedTLS 2.28, that of CircuitPython and many ESP32s. It
// ignores name constraints.
func byMbedTLS(t testing.TB, root *x509.Certificate, i identityOf, use purpose, _ string) error {
	chain := append([]*x509.Certificate{i.leaf}, i.between...)
	return runMbedTLS(t, string(use), pemFile(t, root), pemFile(t, chain...))
}

func runMbedTLS(t testing.TB, args ...string) error {
	t.Helper()
	rig.Need(t, "gcc", "gcc")
	program, err := mbedTLS()
	if err != nil {
		missing(t, err.Error())
	}
	return run(t, program, args...)
}

// mbedTLS compiles testdata/mbedtls.c with the sources of the boards' bench,
// once for each of their versions.
var mbedTLS = sync.OnceValues(func() (string, error) {
	bench, err := exec.Command("../../testdata/boards/build.sh", "--print").Output()
	if err != nil {
		return "", fmt.Errorf("the boards' bench is missing: run make boards: %w", err)
	}
	sources := filepath.Join(strings.TrimSpace(string(bench)), "sources", "mbedtls-2.28")
	library, err := filepath.Glob(filepath.Join(sources, "library", "*.c"))
	if err != nil {
		return "", err
	}
	dir, err := scratch() // removed at the end
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "mbedtls")
	args := append([]string{"-O0", "-I", filepath.Join(sources, "include"), "-o", program, "testdata/mbedtls.c"}, library...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("mbedTLS is not compiled: %w\n%s", err, out)
	}
	return program, nil
})

// TestStrictRootIsNotLoadedByBoards: why constraints are not critical by
// default.
func TestStrictRootIsNotLoadedByBoards(t *testing.T) {
	req := ca.RootRequest{Name: "Home CA", Days: 3650, Constraints: ca.HomeConstraints()}
	for _, strict := range []bool{false, true} {
		req.Strict = strict
		a := newAuthority(t, req)
		err := byMbedTLS(t, a.root, a.device(t, "pico.local"), server, "")
		if got := err == nil; got == strict {
			t.Errorf("strict %v: got %v", strict, err)
		}
		if strict && err != nil && !strings.Contains(err.Error(), "-0x2562") {
			t.Errorf("strict: got %v, want the root not to be loaded (-0x2562)", err)
		}
	}
}
