// Package backup writes the files of a store into one encrypted file, and reads
// them back: a tar archive in an age file (age-encryption.org/v1) under a
// passphrase. Without picoca, `age -d FILE | tar -x` unpacks it.
package backup

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"time"

	"filippo.io/age"

	"github.com/picoca/picoca/internal/durable"
)

// first is the archive's first file: it has the number of the store's layout,
// and its time is that of the backup.
const first = "layout"

// workFactor is the logarithm of scrypt's N: 64 MiB of memory, so that a small
// board can open the file. age's own 2^18 takes 256 MiB.
const workFactor = 16

// Sum identifies the content of a backup.
type Sum [sha256.Size]byte

// Write writes the files, the first of which must be "layout", encrypted to w.
// It returns the sum of the content, by which Verify recognises it.
func Write(w io.Writer, passphrase []byte, made time.Time, files iter.Seq2[durable.File, error]) (Sum, error) {
	recipient, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return Sum{}, err
	}
	recipient.SetWorkFactor(workFactor)
	encrypted, err := age.Encrypt(w, recipient)
	if err != nil {
		return Sum{}, err
	}
	sum := sha256.New()
	archive := tar.NewWriter(io.MultiWriter(encrypted, sum))
	for file, err := range files {
		if err == nil {
			err = writeFile(archive, file, made)
		}
		if err != nil {
			return Sum{}, err
		}
	}
	err = errors.Join(archive.Close(), encrypted.Close())
	return Sum(sum.Sum(nil)), err
}

func writeFile(w *tar.Writer, file durable.File, made time.Time) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: file.Name, Mode: int64(file.Mode.Perm()), Size: int64(len(file.Data)), ModTime: made.Truncate(time.Second)}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(file.Data)
	return err
}

// Verify reads what Write wrote as Read does, and fails if its content is
// another.
func Verify(r io.Reader, passphrase []byte, want Sum) error {
	sum := sha256.New()
	err := open(r, passphrase, func(plain io.Reader) error {
		all := io.TeeReader(plain, sum)
		if _, err := readArchive(all); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, all)
		return err
	})
	if err == nil && Sum(sum.Sum(nil)) != want {
		err = errOtherContent
	}
	return err
}

var errOtherContent = errors.New("file was read back with other content than was written")
