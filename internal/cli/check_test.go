package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/probe"
	"github.com/picoca/picoca/internal/trust"
)

// TestSearchNamesDevicesThatExist: the command that check --find prints can be
// pasted.
func TestSearchNamesDevicesThatExist(t *testing.T) {
	devices := probe.Devices()
	if len(devices) < 5 {
		t.Errorf("got %v", devices)
	}
	for _, id := range devices {
		if _, err := device.ParseTarget(id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// TestDoctorJudgesTrustStores: only one that trusts an earlier root is a fault.
func TestDoctorJudgesTrustStores(t *testing.T) {
	store := func(name trust.Store, state trust.State) trust.Status {
		return trust.Status{Store: name, Place: "/" + string(name), State: state, Err: errors.New("cannot be read")}
	}
	for _, test := range []struct {
		all  []trust.Status
		want string
	}{
		{nil, ""},
		{[]trust.Status{store(trust.System, trust.Trusted), store(trust.Firefox, trust.Trusted)}, ""},
		{[]trust.Status{store(trust.System, trust.Absent), store(trust.Firefox, trust.Other)}, "note trust-absent: picoca trust"},
		{[]trust.Status{store(trust.System, trust.Trusted), store(trust.Firefox, trust.Absent)}, "note trust-absent: picoca trust --store firefox"},
		{[]trust.Status{store(trust.System, trust.Older), store(trust.Firefox, trust.Trusted)}, "trust-older: picoca trust --store system"},
		{[]trust.Status{store(trust.System, trust.Unknown), store(trust.Firefox, trust.Trusted)}, "note trust-unknown: "},
	} {
		var got []string
		for _, f := range judgeTrust(test.all) {
			line := f.ID + ": " + f.Fix.Text(new(app).show)
			if f.Note {
				line = "note " + line
			}
			got = append(got, line)
		}
		if got := strings.Join(got, "\n"); got != test.want {
			t.Errorf("%v: got %q, want %q", test.all, got, test.want)
		}
	}
}
