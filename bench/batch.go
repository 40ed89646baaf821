package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

// batch compares a thousand certificates in one command with the minimal program
// and with a thousand runs of mkcert. Each round has a store and folders of its own,
// so that nothing that one leaves slows the other down. Nothing is removed until
// the end: ext4 looks for inodes that were not freed a moment ago, which can double the time
// of whatever creates files next.
func (b *bench) batch() error {
	list, err := b.writeList(batchSize)
	if err != nil {
		return err
	}
	var store, out string
	round := 0
	ours := func(int) (time.Duration, error) {
		round++
		store, out = fmt.Sprintf("batch%d", round), fmt.Sprintf("out-batch%d", round)
		if _, err := b.run("picoca", "--home", b.path(store), "init", "--no-passphrase"); err != nil {
			return 0, err
		}
		return b.run("picoca", "--home", b.path(store), "issue", "--from", list, "--out", out)
	}
	minimal := func(int) (time.Duration, error) {
		return b.run("minimal", b.path(store), fmt.Sprint(batchSize), b.path(out+"-minimal"))
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
