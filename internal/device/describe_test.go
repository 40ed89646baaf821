package device

import (
	"slices"
	"testing"
)

func TestContainersInShort(t *testing.T) {
	for _, row := range []struct {
		loads []string
		form  string
		want  string
	}{
		{nil, "der", "none"},
		{[]string{"sec1-pem"}, "der", "none"},
		{[]string{"pkcs1-der", "sec1-der", "sec1-pem"}, "der", "SEC1, PKCS#1"},
		{[]string{"pkcs8-pem"}, "pem", "PKCS#8"},
		{[]string{"sec1-der", "pkcs1-der", "pkcs8-der"}, "der", "all"},
	} {
		if got := (Version{Loads: row.loads}).Containers(row.form); got != row.want {
			t.Errorf("%v as %s: got %q, want %q", row.loads, row.form, got, row.want)
		}
	}
}

func TestEachSourceIsNamedOnce(t *testing.T) {
	f := Firmware{
		Versions:    []Version{{Range: "9.0", LoadsSource: "a.c"}, {Range: "9.1", LoadsSource: "a.c"}, {Range: "9.2"}},
		Costs:       []Cost{{SizesSource: "bench", SecondsSource: "a board"}, {SizesSource: "bench"}},
		ClientCosts: []ClientCost{{SizesSource: "bench"}},
		Sources:     []string{"manual"},
	}
	want := []string{"9.0, 9.1: a.c", "heap and sizes: bench", "time: a board", "manual"}
	if got := f.Origins(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEachFileIsNamedOnce(t *testing.T) {
	named := func(name string) File { return File{Content: Content{Name: name}} }
	f := Firmware{Files: []File{named("{stem}.p12"), named("cert.pem"), named("cert.pem")}}
	if got, want := f.FileNames("NAME"), []string{"NAME.p12", "cert.pem"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if (Cost{Firmware: "micropython@1.28"}).Version() != "1.28" || (ClientCost{Firmware: "micropython"}).Version() != "" {
		t.Error("a cost's version is not the one after the @")
	}
}
