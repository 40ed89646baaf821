package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersionHasCommitAndDate(t *testing.T) {
	vcs := []debug.BuildSetting{{Key: "vcs.revision", Value: "2059489ab12c3d4e5f60718293a4b5c6d7e8f901"}, {Key: "vcs.time", Value: "2026-11-26T03:30:00Z"}}
	for _, test := range []struct {
		number   string
		settings []debug.BuildSetting
		want     string
	}{
		{"v1.2.3", vcs, "v1.2.3 (commit 2059489ab12c of 2026-11-26)"},
		{"v1.2.3+dirty", vcs, "v1.2.3+dirty (commit 2059489ab12c of 2026-11-26)"},
		{"v1.2.3", nil, "v1.2.3"},
		{"v1.2.3-rc.1-beta", nil, "v1.2.3-rc.1-beta"},
		{"v0.0.0-20261126033000-2059489ab12c", nil, "v0.0.0-20261126033000-2059489ab12c (commit 2059489ab12c of 2026-11-26)"},
		{"v1.2.4-0.20261126033000-2059489ab12c+dirty", nil, "v1.2.4-0.20261126033000-2059489ab12c+dirty (commit 2059489ab12c of 2026-11-26)"},
		{"(devel)", nil, "(devel)"},
		{"", nil, "(unknown)"},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: test.number}, Settings: test.settings}
		if got := describeBuild(info); got != test.want {
			t.Errorf("%q: got %q, want %q", test.number, got, test.want)
		}
	}
}
