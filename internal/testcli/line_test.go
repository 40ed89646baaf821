package testcli

import (
	"slices"
	"testing"
)

func TestWordsAreAShells(t *testing.T) {
	for line, want := range map[string][]string{
		`picoca renew 'Ann'\''s phone'`:           {"picoca", "renew", "Ann's phone"},
		`picoca identity "Kitchen tablet"  # one`: {"picoca", "identity", "Kitchen tablet"},
		`picoca renew "Anna's phone" --wifi ""`:   {"picoca", "renew", "Anna's phone", "--wifi", ""},
		`picoca list --json | jq .`:               {"picoca", "list", "--json"},
		`picoca issue a --passphrase-file <(x y)`: {"picoca", "issue", "a", "--passphrase-file", "/dev/fd/63"},
		`picoca list; picoca show ca`:             {"picoca", "list"},
		`picoca export ca#1`:                      {"picoca", "export", "ca#1"},
		``:                                        nil,
	} {
		if got := Words(line); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

func TestCheckRefusesWhatPicocaWould(t *testing.T) {
	for _, line := range []string{
		"picoca", "picoca --help", "picoca --version", "picoca issue pico.local", "picoca --home x renew --due", "picoca export crl --force",
		"picoca help board", "picoca root rotate --help", "picoca issue --csr x", "picoca renew -- -x.local", "picoca check --all",
	} {
		if err := Check(line); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	for _, line := range []string{
		"", "mkcert x", "picoca isue x", "picoca issue x --frob", "picoca issue", "picoca show", "picoca list x", "picoca root rotat",
		"picoca issue x --days many", "picoca phone --port 99999", "picoca issue x --out",
	} {
		if Check(line) == nil {
			t.Errorf("%q: got no error", line)
		}
	}
}
