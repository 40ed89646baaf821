package backup

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// A tar archive of files only, as POSIX.1-2001 has it (ustar with pax headers).
// Package archive/tar reads and writes all that there is, and takes 80 KB for
// it; its tests read what this writes.

const block = 512

// The places of a header's fields (POSIX.1-2001, pax, "ustar Interchange
// Format").
const (
	tarName, tarNameEnd   = 0, 100
	tarMode, tarModeEnd   = 100, 108
	tarUID, tarGID        = 108, 116 // of 8 bytes each
	tarSize, tarSizeEnd   = 124, 136
	tarTime, tarTimeEnd   = 136, 148
	tarSum, tarSumEnd     = 148, 156
	tarType               = 156
	tarMagic, tarMagicEnd = 257, 265
)

// The types of entries that a backup has.
const (
	typeFile = '0'
	typePax  = 'x' // more about the entry that follows
)

const ustar = "ustar\x0000"

// entry is a file of an archive.
type entry struct {
	name string
	kind byte
	mode fs.FileMode
	size int64
	time time.Time
}

// header returns the block that begins an entry.
func (e entry) header() []byte {
	b := make([]byte, block)
	octal := func(from, to int, n int64) { copy(b[from:to], fmt.Sprintf("%0*o", to-from-1, n)) }
	copy(b[tarName:tarNameEnd], e.name)
	octal(tarMode, tarModeEnd, int64(e.mode.Perm()))
	octal(tarUID, tarUID+8, 0)
	octal(tarGID, tarGID+8, 0)
	octal(tarSize, tarSizeEnd, e.size)
	octal(tarTime, tarTimeEnd, max(e.time.Unix(), 0))
	b[tarType] = e.kind
	copy(b[tarMagic:tarMagicEnd], ustar)
	octal(tarSum, tarSumEnd-1, checksum(b))
	b[tarSumEnd-1] = ' '
	return b
}

// checksum is the sum of a header's bytes, those of the checksum taken as
// spaces.
func checksum(b []byte) (sum int64) {
	for i, c := range b {
		if tarSum <= i && i < tarSumEnd {
			c = ' '
		}
		sum += int64(c)
	}
	return sum
}

// writeEntry writes a file. A long name goes into a pax header.
func writeEntry(w io.Writer, e entry, data []byte) error {
	if len(e.name) > tarNameEnd-tarName {
		record := paxPath(e.name)
		pax := entry{name: "pax", kind: typePax, mode: 0o644, size: int64(len(record)), time: e.time}
		if err := writePadded(w, pax.header(), []byte(record)); err != nil {
			return err
		}
	}
	return writePadded(w, e.header(), data)
}

func writePadded(w io.Writer, header, data []byte) error {
	for _, part := range [][]byte{header, data, make([]byte, padding(int64(len(data))))} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

func padding(size int64) int64 { return -size & (block - 1) }

// paxPath returns the record of a name: its own length in decimal, a space,
// "path=", the name, and a newline.
func paxPath(name string) string {
	rest := " path=" + name + "\n"
	n := len(rest)
	for n != len(strconv.Itoa(n))+len(rest) {
		n = len(strconv.Itoa(n)) + len(rest)
	}
	return strconv.Itoa(n) + rest
}

// writeEnd ends an archive.
func writeEnd(w io.Writer) error {
	_, err := w.Write(make([]byte, 2*block))
	return err
}

// readEntry reads the header of the next entry. It fails with io.EOF at the end
// of the archive, or with ErrForeign.
func readEntry(r io.Reader) (entry, error) {
	e, err := readHeader(r)
	if err != nil || e.kind != typePax {
		return e, err
	}
	const longest = 4096
	if e.size > longest {
		return entry{}, ErrForeign
	}
	record, err := readData(r, e.size)
	if err != nil {
		return entry{}, err
	}
	_, name, ok := strings.Cut(strings.TrimSuffix(string(record), "\n"), " path=")
	if !ok || paxPath(name) != string(record) {
		return entry{}, ErrForeign
	}
	e, err = readHeader(r)
	e.name = name
	if err == nil && e.kind == typePax {
		err = ErrForeign
	}
	return e, err
}

func readHeader(r io.Reader) (entry, error) {
	b := make([]byte, block)
	if _, err := io.ReadFull(r, b); err != nil {
		return entry{}, ErrForeign
	}
	if bytes.Count(b, []byte{0}) == block {
		return entry{}, io.EOF
	}
	var fault bool
	octal := func(from, to int) int64 {
		n, err := strconv.ParseUint(strings.Trim(string(b[from:to]), " \x00"), 8, 62)
		fault = fault || err != nil
		return int64(n)
	}
	name, _, _ := strings.Cut(string(b[tarName:tarNameEnd]), "\x00")
	e := entry{name, b[tarType], fs.FileMode(octal(tarMode, tarModeEnd)), octal(tarSize, tarSizeEnd), time.Unix(octal(tarTime, tarTimeEnd), 0).UTC()}
	if octal(tarSum, tarSumEnd) != checksum(b) || string(b[tarMagic:tarMagicEnd-2]) != ustar[:6] || fault {
		return entry{}, ErrForeign
	}
	return e, nil
}

// readData reads the bytes of an entry.
func readData(r io.Reader, size int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, size+padding(size)))
	if err != nil || int64(len(data)) != size+padding(size) {
		return nil, ErrForeign
	}
	return data[:size:size], nil
}
