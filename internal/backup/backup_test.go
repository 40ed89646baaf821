package backup

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/fault"
)

var (
	noon       = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	passphrase = []byte("correct horse battery staple")
)

// store is what a small store has; one name is longer than a tar header's.
var store = []durable.File{
	{Name: "layout", Data: []byte("2\n"), Mode: 0o600},
	{Name: "issued/" + strings.Repeat("long.", 40) + "local/000001-2026-11-26-00000000/about.json", Data: []byte("{}\n"), Mode: 0o644},
	{Name: "issued/" + strings.Repeat("x", 92), Data: nil, Mode: 0o600}, // of 99 bytes
	{Name: "issued/" + strings.Repeat("y", 93), Data: nil, Mode: 0o600}, // of 100
	{Name: "issued/" + strings.Repeat("z", 94), Data: nil, Mode: 0o600}, // of 101
	{Name: "roots/000001-ABCD/cert.pem", Data: bytes.Repeat([]byte("c"), 512), Mode: 0o644},
	{Name: "roots/000001-ABCD/key.pem", Data: bytes.Repeat([]byte("k"), 100_000), Mode: 0o600},
}

func each(files []durable.File) iter.Seq2[durable.File, error] {
	return func(yield func(durable.File, error) bool) {
		for _, file := range files {
			if !yield(file, nil) {
				return
			}
		}
	}
}

func write(t testing.TB, files []durable.File) ([]byte, Sum) {
	t.Helper()
	var out bytes.Buffer
	sum, err := Write(&out, passphrase, noon, each(files))
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), sum
}

func sameFiles(got, want []durable.File) bool {
	same := len(got) == len(want)
	for i := range want {
		same = same && got[i].Name == want[i].Name && bytes.Equal(got[i].Data, want[i].Data) && got[i].Mode == want[i].Mode
	}
	return same
}

func TestBackupIsReadAsItWasWritten(t *testing.T) {
	data, sum := write(t, store)
	got, err := Read(bytes.NewReader(data), passphrase)
	if err != nil || !sameFiles(got.Files, store) || !got.Made.Equal(noon) {
		t.Errorf("got %d files of %v, %v, want %d of %v", len(got.Files), got.Made, err, len(store), noon)
	}
	if err := Verify(bytes.NewReader(data), passphrase, sum); err != nil {
		t.Errorf("verify: %v", err)
	}
	sum[0]++
	if err := Verify(bytes.NewReader(data), passphrase, sum); !errors.Is(err, errOtherContent) {
		t.Errorf("verify with another sum: got %v, want %v", err, errOtherContent)
	}
}

// TestLibrariesReadABackup: no one depends on picoca to get at a backup.
func TestLibrariesReadABackup(t *testing.T) {
	data, _ := write(t, store)
	if !bytes.Contains(data[:100], []byte(" 16\n")) {
		t.Errorf("header %q: want work factor 16", data[:60])
	}
	identity, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := age.Decrypt(bytes.NewReader(data), identity)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(plain)
	for _, want := range store {
		header, err := archive.Next()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(archive)
		if err != nil || header.Name != want.Name || !bytes.Equal(got, want.Data) || header.Mode != int64(want.Mode) || !header.ModTime.Equal(noon) || header.Typeflag != tar.TypeReg {
			t.Errorf("got %+v, %v, want %q", header, err, want.Name)
		}
	}
	if _, err := archive.Next(); err != io.EOF {
		t.Errorf("after the last file: got %v, want EOF", err)
	}
}

// encrypt encrypts any content as a backup is.
func encrypt(t testing.TB, logN int, plain []byte) []byte {
	t.Helper()
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(logN)
	return encryptTo(t, recipient, plain)
}

func encryptTo(t testing.TB, recipient age.Recipient, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipient)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// archive is what archive/tar writes of entries.
func archive(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, header := range headers {
		header.Mode = 0o777
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, header.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestArchivesOfOthersAreRefused(t *testing.T) {
	layout := tar.Header{Name: "layout", Typeflag: tar.TypeReg, Size: 2}
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	for _, row := range []struct {
		what    string
		entries []tar.Header
		want    string
	}{
		{"accepted", []tar.Header{layout, file("roots/a")}, ""},
		{"nothing", nil, "is not a backup that picoca made"},
		{"another first file", []tar.Header{file("roots/a"), layout}, "is not a backup that picoca made"},
		{"a folder above", []tar.Header{layout, file("../evil")}, `holds "../evil", which is not a path below a folder`},
		{"a way through", []tar.Header{layout, file("roots/../../evil")}, "which is not a path below a folder"},
		{"an absolute path", []tar.Header{layout, file("/etc/passwd")}, "which is not a path below a folder"},
		{"a dot", []tar.Header{layout, file("./roots")}, "which is not a path below a folder"},
		{"a backslash", []tar.Header{layout, file(`..\evil`)}, "which is not a path below a folder"},
		{"a control character", []tar.Header{layout, file("a\x1b[2J")}, "which is not a path below a folder"},
		{"a deep path", []tar.Header{layout, file(strings.Repeat("a/", 8) + "a")}, "which is not a path below a folder"},
		{"a long name", []tar.Header{layout, file(strings.Repeat("a", 1025))}, "which is not a path below a folder"},
		{"a file twice", []tar.Header{layout, file("a"), file("a")}, `holds "a", which it holds already`},
		{"layout twice", []tar.Header{layout, layout}, `holds "layout", which it holds already`},
		{"a file as a folder", []tar.Header{layout, file("a"), file("a/b")}, "which it holds already"},
		{"a folder as a file", []tar.Header{layout, file("a/b"), file("a")}, "which it holds already"},
		{"a symbolic link", []tar.Header{layout, {Name: "a", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}}, "which is no file"},
		{"a hard link", []tar.Header{layout, {Name: "a", Typeflag: tar.TypeLink, Linkname: "layout"}}, "which is no file"},
		{"a folder", []tar.Header{layout, {Name: "a/", Typeflag: tar.TypeDir}}, "which is no file"},
		{"a device", []tar.Header{layout, {Name: "a", Typeflag: tar.TypeChar}}, "which is no file"},
		{"a pipe", []tar.Header{layout, {Name: "a", Typeflag: tar.TypeFifo}}, "which is no file"},
	} {
		_, err := Read(bytes.NewReader(encrypt(t, 1, archive(t, row.entries...))), passphrase)
		if row.want == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", row.what, err, row.want)
		}
		if err != nil && fault.HintOf(err).IsZero() {
			t.Errorf("%s: %v has no hint", row.what, err)
		}
	}
}

// begun is an archive whose last file is not written as a whole.
func begun(t *testing.T, name string, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, header := range []tar.Header{{Name: "layout", Typeflag: tar.TypeReg}, {Name: name, Typeflag: tar.TypeReg, Size: size}} {
		if err := w.WriteHeader(&header); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func TestAbsurdArchivesAreRefused(t *testing.T) {
	spoiled := begun(t, "a", 0)
	spoiled[0] = 'L'
	for what, row := range map[string]struct {
		plain []byte
		want  string
	}{
		"a huge file":              {begun(t, "a", maxFile+1), "at most 67108864 are allowed"},
		"a file that is cut short": {begun(t, "a", 1000), ErrForeign.Error()},
		"a wrong checksum":         {spoiled, ErrForeign.Error()},
		"text":                     {bytes.Repeat([]byte("text "), 1000), ErrForeign.Error()},
		"nothing":                  {nil, ErrForeign.Error()},
		"only an end":              {make([]byte, 1024), ErrForeign.Error()},
	} {
		_, err := Read(bytes.NewReader(encrypt(t, 1, row.plain)), passphrase)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q", what, err, row.want)
		}
	}
}

func TestTooMuchIsRefused(t *testing.T) {
	u := unpacking{seen: map[string]bool{}}
	u.Files = make([]durable.File, maxFiles)
	if err := u.check(&tar.Header{Name: "a", Typeflag: tar.TypeReg}); err == nil || !strings.Contains(err.Error(), "more files than any store") {
		t.Errorf("got %v", err)
	}
	u = unpacking{seen: map[string]bool{}, total: maxTotal, Contents: Contents{Files: make([]durable.File, 1)}}
	if err := u.check(&tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 1}); err == nil || !strings.Contains(err.Error(), "larger than any store") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoBackupIsRefused(t *testing.T) {
	data, _ := write(t, store)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	toKey := encryptTo(t, key.Recipient(), []byte("x"))
	var armored bytes.Buffer
	w := armor.NewWriter(&armored)
	if _, err := w.Write(data); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	for what, row := range map[string]struct {
		data []byte
		want error
	}{
		"empty":            {nil, ErrEmpty},
		"one byte":         {[]byte("a"), ErrDamaged},
		"a text":           {[]byte("hello, this is no backup\n"), ErrForeign},
		"gzip":             {[]byte("\x1f\x8b\x08aaaa"), ErrArchive},
		"zip":              {[]byte("PK\x03\x04aaaa"), ErrArchive},
		"tar":              {archive(t, tar.Header{Name: "ca/layout", Typeflag: tar.TypeReg}), ErrArchive},
		"paper":            {[]byte("QR-Code:H01:ABC"), ErrPaper},
		"a page":           {[]byte("<!doctype html>\n<html>"), ErrPaper},
		"armored":          {armored.Bytes(), ErrArmored},
		"to a key":         {toKey, ErrRecipient},
		"no work factor":   {[]byte(ageLine + "-> scrypt AAAA\n"), ErrDamaged},
		"work factor 0":    {[]byte(ageLine + "-> scrypt AAAA 0\n"), ErrDamaged},
		"work factor 21":   {[]byte(ageLine + "-> scrypt AAAA 21\n"), ErrCost},
		"nothing in it":    {encrypt(t, 1, nil), ErrForeign},
		"something else":   {encrypt(t, 1, []byte("hello")), ErrForeign},
		"followed by more": {append(bytes.Clone(data), 'x'), ErrDamaged},
	} {
		if _, err := Read(bytes.NewReader(row.data), passphrase); !errors.Is(err, row.want) {
			t.Errorf("%s: got %v, want %v", what, err, row.want)
		}
	}
	for _, wrong := range [][]byte{nil, []byte("wrong")} {
		if _, err := Read(bytes.NewReader(data), wrong); !errors.Is(err, ErrPassphrase) {
			t.Errorf("passphrase %q: got %v, want %v", wrong, err, ErrPassphrase)
		}
	}
}

// TestDamageIsFound: wherever a backup ends or a bit is wrong, it is refused,
// and what was read before is not returned.
func TestDamageIsFound(t *testing.T) {
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, file := range store {
		if err := writeFile(w, file, noon); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := encrypt(t, 1, plain.Bytes()) // hundreds are opened
	if _, err := Read(bytes.NewReader(data), passphrase); err != nil {
		t.Fatal(err)
	}
	wrong := func(what string, data []byte) {
		t.Helper()
		got, err := Read(bytes.NewReader(data), passphrase)
		if err == nil || len(got.Files) > 0 || fault.HintOf(err).IsZero() {
			t.Errorf("%s: got %d files, %v", what, len(got.Files), err)
		}
	}
	for n := 0; n < len(data); n += 1 + n/20 {
		wrong(fmt.Sprintf("%d bytes of %d", n, len(data)), data[:n])
		flipped := bytes.Clone(data)
		flipped[n] ^= 1
		wrong(fmt.Sprintf("bit in byte %d", n), flipped)
	}
	wrong("without its last byte", data[:len(data)-1])
	// What follows the archive is authentic too.
	long := encrypt(t, 1, append(plain.Bytes(), make([]byte, 200_000)...))
	wrong("after the archive", long[:len(long)-1])
}

func TestFailureToReadAFileEndsTheBackup(t *testing.T) {
	gone := errors.New("gone")
	_, err := Write(io.Discard, passphrase, noon, func(yield func(durable.File, error) bool) {
		_ = yield(store[0], nil) && yield(durable.File{}, gone)
	})
	if !errors.Is(err, gone) {
		t.Errorf("got %v, want %v", err, gone)
	}
	if _, err := Write(io.Discard, nil, noon, each(store)); err == nil {
		t.Error("an empty passphrase was accepted")
	}
}
