package device

import (
	"slices"
	"strings"
)

// FirmwareIDs returns the IDs of the device's firmware, never nil.
func (d *Device) FirmwareIDs() []string {
	ids := []string{}
	for _, f := range d.Firmware {
		ids = append(ids, f.ID)
	}
	return ids
}

// FileNames returns the names of the files that the firmware loads, each once,
// with stem for the holder's.
func (f Firmware) FileNames(stem string) []string {
	var names []string
	for _, file := range f.Files {
		if name := strings.ReplaceAll(file.Name, "{stem}", stem); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// Containers folds the containers of one form, der or pem, that the version loads
// into a short text: "all", "none", "SEC1, PKCS#1". SEC1 holds EC keys, PKCS#1 RSA
// keys, PKCS#8 both.
func (v Version) Containers(form string) string {
	var names []string
	for _, container := range []struct{ id, name string }{{"sec1", "SEC1"}, {"pkcs1", "PKCS#1"}, {"pkcs8", "PKCS#8"}} {
		if slices.Contains(v.Loads, container.id+"-"+form) {
			names = append(names, container.name)
		}
	}
	switch len(names) {
	case 0:
		return "none"
	case 3:
		return "all"
	}
	return strings.Join(names, ", ")
}

// Version returns the version that a cost was measured with, "" if it is not known.
func (c Cost) Version() string { return versionOf(c.Firmware) }

// Version returns the version that a cost was measured with, "" if it is not known.
func (c ClientCost) Version() string { return versionOf(c.Firmware) }

func versionOf(release string) string {
	_, version, _ := strings.Cut(release, "@")
	return version
}

// Origins lists where the facts come from, each source once, with what comes from
// there.
func (f Firmware) Origins() []string {
	var order []string
	from := make(map[string][]string)
	add := func(source, what string) {
		if source != "" && from[source] == nil {
			order = append(order, source)
		}
		if !slices.Contains(from[source], what) {
			from[source] = append(from[source], what)
		}
	}
	for _, v := range f.Versions {
		add(v.LoadsSource, v.Range)
	}
	for _, c := range f.Costs {
		add(c.SizesSource, "heap and sizes")
		add(c.SecondsSource, "time")
	}
	for _, c := range f.ClientCosts {
		add(c.SizesSource, "heap and sizes")
	}
	add(f.Growth.Source, "heap and sizes")
	for i, source := range order {
		order[i] = strings.Join(from[source], ", ") + ": " + source
	}
	return slices.Concat(order, f.Sources)
}
