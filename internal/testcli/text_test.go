package testcli

import (
	"slices"
	"testing"
)

func TestInTextFindsWhereACommandEnds(t *testing.T) {
	for line, want := range map[string][]string{
		"hint: picoca renew 'Kitchen tablet'":                                         {"picoca renew 'Kitchen tablet'"},
		"next: copy it (or run picoca example pico.local for all), then picoca phone": {"picoca example pico.local", "picoca phone"},
		"hint: did you mean picoca issue?":                                            {"picoca issue"},
		"hint: picoca --home 'my ca' list shows what exists":                          {"picoca --home 'my ca' list"},
		"note: picoca did not make this file":                                         nil,
	} {
		got, faults := InText(line)
		if len(faults) > 0 || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", line, got, faults, want)
		}
	}
	for _, line := range []string{"hint: picoca renew pico.local --frob", "hint: picoca export pico.local --format", "hint: picoca root rotat"} {
		if _, faults := InText(line); len(faults) != 1 {
			t.Errorf("%s: got %v, want one fault", line, faults)
		}
	}
}
