package terminal

import (
	"bytes"
	"io"
	"testing"
)

func TestTableAlignsItsTexts(t *testing.T) {
	var out bytes.Buffer
	if err := WriteTable(&out, []Row{{"name", "pico.local"}, {"", "küche.local"}, {"SHA-256", "AB"}}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "name     pico.local\n         küche.local\nSHA-256  AB\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTableReportsWhatWasNotWritten(t *testing.T) {
	in, out := io.Pipe()
	in.CloseWithError(io.ErrShortWrite)
	if err := WriteTable(out, []Row{{"name", "pico.local"}}); err == nil {
		t.Error("got no error from a pipe that is closed")
	}
}
