package example

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/export"
)

// TestUpdatesNeedTheirFiles: the pair and its owner are in the folder in use, and
// the programs look for them there.
func TestUpdatesNeedTheirFiles(t *testing.T) {
	p := project(t)
	p.MutualTLS, p.Updates = true, &Updates{Port: 9443, Owner: []byte("owner")}
	p.Messages = &Messages{Private: bytes.Repeat([]byte{7}, 32), Public: bytes.Repeat([]byte{4}, 65)}
	firmware, err := Find(Server, "pico-w", "micropython")
	if err != nil {
		t.Fatal(err)
	}
	p.Trust = []Public{{"/trust", "text/html", export.File{Name: "trust.html", Data: []byte("page")}}}
	files := render(t, firmware, p)
	if string(files["a/trust.html"].Data) != "page" || files["trust.html"].Data != nil {
		t.Error("the page for phones is not beside the pair")
	}
	for _, name := range []string{"a/cert.der", "a/key.der", "a/picoca-root.der", "a/owner.der"} {
		if file := files[name]; len(file.Data) == 0 || file.Private != (name == "a/key.der") {
			t.Errorf("%s: got %d bytes, private %v", name, len(file.Data), file.Private)
		}
	}
	if got := string(files["live"].Data); got != firmware.Folder(true) {
		t.Errorf("live: got %q", got)
	}
	for name, texts := range map[string][]string{
		"updates.py":  {"PORT = 9443\n", `("cert.der", "key.der", "picoca-root.der", "owner.der")`},
		"main.py":     {`load_verify_locations(cafile=folder + "/picoca-root.der")`, "updates.context.wrap_socket", "class Room:"},
		"messages.py": {`open(updates.live + "/cert.der", "rb")`},
	} {
		for _, text := range texts {
			if strings.Count(string(files[name].Data), text) != 1 {
				t.Errorf("%s has no %q", name, text)
			}
		}
	}
	p.Format = "pem"
	if _, err := firmware.Render(p); !errors.As(err, new(FormatError)) {
		t.Errorf("PEM: got error %v, want a FormatError", err)
	}
	other, err := Find(Server, "pico-w", "circuitpython")
	if err != nil {
		t.Fatal(err)
	}
	p.Format, p.Messages = "der", nil
	if _, err := other.Render(p); !errors.Is(err, ErrNoUpdates) {
		t.Errorf("circuitpython: got error %v, want ErrNoUpdates", err)
	}
}
