package cli

import (
	"cmp"
	"runtime/debug"
	"strings"
)

// version says which picoca this is, as far as the Go tool wrote it into the
// binary: its version, the commit that it was built from, and the commit's date.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	return describeBuild(info)
}

func describeBuild(info *debug.BuildInfo) string {
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	number, commit, date := info.Main.Version, set["vcs.revision"], set["vcs.time"]
	if commit == "" {
		// go install downloads the module without its history.
		commit, date = pseudoVersion(number)
	}
	text := cmp.Or(number, "(unknown)")
	if commit != "" {
		text += " (commit " + commit[:min(12, len(commit))] + " of " + date[:min(10, len(date))] + ")"
	}
	return text
}

// pseudoVersion returns the commit and the date in a version that the Go tool
// made from an untagged commit, such as v0.0.0-20261126033000-2059489ab12c.
// https://go.dev/ref/mod#pseudo-versions
func pseudoVersion(number string) (commit, date string) {
	number, _, _ = strings.Cut(number, "+") // +dirty
	parts := strings.Split(number, "-")
	if len(parts) < 3 {
		return "", ""
	}
	stamp := parts[len(parts)-2]
	stamp = stamp[strings.LastIndex(stamp, ".")+1:]
	if len(stamp) != len("20061502150405") || strings.Trim(stamp, "0123456789") != "" {
		return "", ""
	}
	return parts[len(parts)-1], stamp[:4] + "-" + stamp[4:6] + "-" + stamp[6:8]
}
