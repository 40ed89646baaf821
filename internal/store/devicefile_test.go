package store

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestDeviceFileIsKeptAndReplaced(t *testing.T) {
	s, _ := createLocked(t)
	if _, err := s.DeviceFile("pico.local", "vapid.pem"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
	for _, data := range []string{"one", "two", ""} {
		if err := s.PutDeviceFile("pico.local", "vapid.pem", []byte(data)); err != nil {
			t.Fatal(err)
		}
		got, err := open(t, s.Path(".")).DeviceFile("pico.local", "vapid.pem")
		if err != nil || string(got) != data {
			t.Errorf("got %q, %v, want %q", got, err, data)
		}
	}
	if err := s.PutDeviceFile("con.local", "x", []byte("x")); err != nil {
		t.Error(err)
	}
	if got, want := entries(t, s.Path("devices")), []string{"con_.local", "pico.local"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	name := s.Path("devices/pico.local/vapid.pem")
	if info, err := os.Stat(name); err != nil || info.Mode() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(name, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.DeviceFile("pico.local", "vapid.pem"); !isA[ModeError](err) {
		t.Errorf("got %v, want a ModeError", err)
	}
}

func TestDeviceFilesOfNoName(t *testing.T) {
	s, _ := createLocked(t)
	before := snapshot(t, s.Path("."))
	for _, row := range [][2]string{
		{"pico.local", ""}, {"pico.local", "."}, {"pico.local", ".."}, {"pico.local", "a/b"}, {"pico.local", ".hidden"}, {"pico.local", "con.pem"}, {"pico.local", "x."},
		{"pico.local", "A"}, {"pico.local", `a\b`}, {"", "x"}, {"..", "x"}, {"a/b", "x"}, {`a\b`, "x"},
	} {
		if err := s.PutDeviceFile(row[0], row[1], nil); err == nil {
			t.Errorf("%q: no error", row)
		}
		if _, err := s.DeviceFile(row[0], row[1]); err == nil {
			t.Errorf("%q: no error", row)
		}
	}
	if err := s.PutDeviceFile("pico.local", "x", []byte(strings.Repeat("x", maxFile+1))); err == nil {
		t.Error("a file that would not be read again is written")
	}
	if got := snapshot(t, s.Path(".")); got != before {
		t.Errorf("got\n%s\nwant\n%s", got, before)
	}
}
