package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// batch compares a thousand certificates in one command with the minimal program
// and with a thousand runs of mkcert. Each time the store and the folder are
// empty: nothing that one of the two leaves slows the other down.
func (b *bench) batch() error {
	list, err := b.writeList(batchSize)
	if err != nil {
		return err
	}
	ours := func(int) (time.Duration, error) {
		if _, err := b.run("picoca", "--home", b.path("batch"), "init", "--no-passphrase"); err != nil {
			return 0, err
		}
		took, err := b.run("picoca", "--home", b.path("batch"), "issue", "--from", list, "--out", "out-batch")
		return took, errors.Join(err, b.remove("batch"), b.remove("out-batch"))
	}
	minimal := func(int) (time.Duration, error) {
		took, err := b.run("minimal", b.path("store"), fmt.Sprint(batchSize), b.path("out-many"))
		return took, errors.Join(err, b.remove("store", "minimal"), b.remove("out-many"))
	}
	if err := b.compareIn(batchRounds, "picoca issue --from, 1,000 / the minimal program", "<= 1.3", ours, minimal); err != nil {
		return err
	}
	return b.compareIn(1, "picoca issue --from, 1,000 / mkcert, 1,000 runs", "<= 0.25", ours, b.manyMkcerts)
}

// writeList writes a list of names, and returns its path.
func (b *bench) writeList(n int) (string, error) {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "list%d.local\n", i)
	}
	name := b.path(fmt.Sprintf("%d.txt", n))
	return name, os.WriteFile(name, []byte(text.String()), 0o600)
}

func (b *bench) remove(elem ...string) error { return os.RemoveAll(b.path(elem...)) }

// manyMkcerts runs mkcert for a name each.
func (b *bench) manyMkcerts(int) (time.Duration, error) {
	tool, err := exec.LookPath("mkcert")
	if err != nil {
		return 0, err
	}
	var all time.Duration
	for i := range batchSize {
		name := fmt.Sprintf("d%d.local", i)
		took, err := b.run(tool, "-ecdsa", "-cert-file", name+".pem", "-key-file", name+"-key.pem", name)
		if err != nil {
			return 0, err
		}
		all += took
	}
	return all, nil
}

// batchMemory is last: its store is large.
func (b *bench) batchMemory() error {
	list, err := b.writeList(many)
	if err != nil {
		return err
	}
	return b.memory("peak memory of issue --from, 10,000", "<= 40 MiB", "issue", "--from", list, "--out", "out-memory")
}
