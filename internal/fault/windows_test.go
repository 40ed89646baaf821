package fault

import (
	"fmt"
	"testing"
)

func TestPathsOfWindowsInErrors(t *testing.T) {
	text := fmt.Sprintf("output %q exists", `\\nas\new\x`)
	if got, want := SingleBackslashes("windows", text), `output "\\nas\new\x" exists`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	const share = `\\nas\ca is not a folder`
	if got := SingleBackslashes("windows", share); got != share {
		t.Errorf("got %s, want %s", got, share)
	}
	if got := SingleBackslashes("linux", text); got != text {
		t.Errorf("got %s, want %s", got, text)
	}
}

func TestStepsOnWindowsAreQuotedAsAWhole(t *testing.T) {
	const step = `scp "my files"/cert.pem "my files"/key.pem root@nas.local:/etc/`
	if got, want := WholeQuotes("windows", step), `scp "my files/cert.pem" "my files/key.pem" root@nas.local:/etc/`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := WholeQuotes("linux", step); got != step {
		t.Errorf("got %s, want %s", got, step)
	}
}
