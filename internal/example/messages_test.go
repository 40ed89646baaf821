package example

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestParseContact(t *testing.T) {
	for input, want := range map[string]string{
		"ann@example.org": "mailto:ann@example.org", "mailto:ann@example.org": "mailto:ann@example.org",
		"https://example.org/ann": "https://example.org/ann", "a.b+c@x.example.org": "mailto:a.b+c@x.example.org",
	} {
		if got, err := ParseContact(input); err != nil || got.String() != want {
			t.Errorf("ParseContact(%q) = %q, %v, want %q", input, got, err, want)
		}
	}
	for _, input := range []string{
		"", "ann", "@example.org", "ann@", "ann@example", "ann@pico.local", "ann@localhost", "ann@x.home.arpa", "ann@example.org ", "Ann <ann@example.org>",
		"a@b@example.org", "http://example.org", "https://", "https://pico.local/", "ann@example.org\n", `a"b@example.org`, "ann@exämple.org", "ann@.org",
		strings.Repeat("a", 250) + "@example.org",
	} {
		if got, err := ParseContact(input); !errors.As(err, new(*ContactError)) {
			t.Errorf("ParseContact(%q) = %q, %v, want a ContactError", input, got, err)
		}
	}
}

// TestMessagesNeedTheirFiles: the board's key, the page's half of it, and a file
// for each root that webpush.py names.
func TestMessagesNeedTheirFiles(t *testing.T) {
	p := project(t)
	contact, err := ParseContact("ann@example.org")
	if err != nil {
		t.Fatal(err)
	}
	p.Messages = &Messages{Private: bytes.Repeat([]byte{7}, 32), Public: bytes.Repeat([]byte{4}, 65), Contact: contact}
	firmware, err := Find(Server, "pico-w", "micropython")
	if err != nil {
		t.Fatal(err)
	}
	files := render(t, firmware, p)
	if key := files["vapid.key"]; !key.Private || !bytes.Equal(key.Data, p.Messages.Private) {
		t.Errorf("vapid.key: got private %v, %d bytes", key.Private, len(key.Data))
	}
	if !bytes.Contains(files["index.html"].Data, []byte("'BAQEBAQE")) {
		t.Error("the page has no public key")
	}
	services, _, _ := bytes.Cut(files["webpush.py"].Data, []byte("\n}\n"))
	for word := range strings.SplitSeq(string(services), `"`) {
		if strings.HasSuffix(word, ".der") && files[word].Data == nil {
			t.Errorf("webpush.py names %s, which is not written", word)
		}
	}
	for name, file := range files {
		if strings.HasSuffix(name, ".der") && name != "key.der" && file.Private {
			t.Errorf("%s is private", name)
		}
	}
	other, err := Find(Server, "pico-w", "circuitpython")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Render(p); !errors.Is(err, ErrNoMessages) {
		t.Errorf("circuitpython: got error %v, want ErrNoMessages", err)
	}
}
