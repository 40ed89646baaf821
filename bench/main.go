// Command bench compares picoca with other programs, in one run, and
// prints the ratios as a table. It is run by make bench, from the project's
// root.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// rounds is how often each command of a comparison runs. They take turns, so
// that a slow moment of the machine meets all of them.
const rounds = 120

// listRounds is the same for lists of the large store, each of which takes
// hundreds of times as long.
const listRounds = 9

// batchRounds is the same for a thousand certificates in one command.
const batchRounds = 5

// batchSize is how many those are.
const batchSize = 1000

// many is the size of the large store.
const many = 10_000

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "picoca-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := bench{dir: dir, table: tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)}
	fmt.Printf("%s/%s, %d cores, %s\n\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	fmt.Fprintln(b.table, "WHAT\tPICOCA\tBESIDE IT\tRATIO\tAIM")
	return errors.Join(b.build(), b.help(), b.issue(), b.mkcert(), b.batch(), b.large(), b.list(), b.pile(), b.sizes(), b.batchMemory(), b.table.Flush())
}

type bench struct {
	dir   string
	table *tabwriter.Writer
}

func (b *bench) path(elem ...string) string {
	return filepath.Join(append([]string{b.dir}, elem...)...)
}

func (b *bench) build() error {
	for name, pkg := range map[string]string{"picoca": "./cmd/picoca", "minimal": "./bench/minimal", "verify": "./bench/verify", "empty": "./bench/empty"} {
		cmd := exec.Command("scripts/build.sh", b.path("built"), pkg)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		if err := install(b.path("built"), b.path(name)); err != nil {
			return err
		}
	}
	_, err := b.run("picoca", "--home", b.path("store"), "init", "--no-passphrase")
	return err
}

// install copies a program, as installing does. What the linker wrote is in
// memory in pieces of 4 KB, from which a start takes a fifth longer.
func install(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// run runs a program to its end and returns its wall time.
func (b *bench) run(program string, args ...string) (time.Duration, error) {
	if !strings.Contains(program, "/") {
		program = b.path(program)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "CAROOT="+b.path("mkcert"))
	cmd.Dir = b.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s %v: %w\n%s", program, args, err, errs.Bytes())
	}
	return time.Since(start), nil
}

// compare runs two commands in turns and adds a row with their medians.
func (b *bench) compare(what, aim string, ours, theirs func(i int) (time.Duration, error)) error {
	return b.compareIn(rounds, what, aim, ours, theirs)
}

func (b *bench) compareIn(rounds int, what, aim string, ours, theirs func(i int) (time.Duration, error)) error {
	var x, y []time.Duration
	for i := range rounds {
		a, errA := ours(i)
		c, errC := theirs(i)
		if err := errors.Join(errA, errC); err != nil {
			return err
		}
		x, y = append(x, a), append(y, c)
	}
	mx, my := median(x), median(y)
	fmt.Fprintf(b.table, "%s\t%s\t%s\t%.2f\t%s\n", what, ms(mx), ms(my), float64(mx)/float64(my), aim)
	return nil
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000) }

func (b *bench) help() error {
	return b.compare("picoca --help / an empty Go program", "<= 1.5",
		func(int) (time.Duration, error) { return b.run("picoca", "--help") },
		func(int) (time.Duration, error) { return b.run("empty") })
}

// issueIn issues the i-th certificate in a store.
func (b *bench) issueIn(store string, i int) (time.Duration, error) {
	name := fmt.Sprintf("d%d.local", i)
	return b.run("picoca", "--home", b.path(store), "issue", name, "--out", filepath.Join("out-"+store, name))
}

func (b *bench) issue() error {
	if err := os.MkdirAll(b.path("out-store"), 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(b.path("out-minimal"), 0o700); err != nil {
		return err
	}
	return b.compare("picoca issue / the minimal program", "<= 1.5",
		func(i int) (time.Duration, error) { return b.issueIn("store", i) },
		func(i int) (time.Duration, error) {
			name := fmt.Sprintf("d%d.local", i)
			return b.run("minimal", b.path("store"), name, b.path("out-minimal", name))
		})
}

// mkcert is compared with its own ECDSA CA, which Debian's mkcert makes RSA
// unless one is there.
func (b *bench) mkcert() error {
	tool, err := exec.LookPath("mkcert")
	if err != nil {
		return fmt.Errorf("mkcert is missing: run make deps")
	}
	if err := b.ecdsaCA(); err != nil {
		return err
	}
	return b.compare("picoca issue / mkcert -ecdsa", "<= 1.0",
		func(i int) (time.Duration, error) { return b.issueIn("store", rounds+i) },
		func(i int) (time.Duration, error) {
			return b.run(tool, "-ecdsa", "-cert-file", "m.pem", "-key-file", "m-key.pem", fmt.Sprintf("d%d.local", i))
		})
}

// ecdsaCA gives mkcert a P-256 root, in the two files that it looks for.
func (b *bench) ecdsaCA() error {
	if err := os.MkdirAll(b.path("mkcert"), 0o700); err != nil {
		return err
	}
	for from, to := range map[string]string{"cert.pem": "rootCA.pem", "key.pem": "rootCA-key.pem"} {
		files, err := filepath.Glob(b.path("store", "roots", "*", from))
		if err != nil || len(files) != 1 {
			return fmt.Errorf("%s of the root: got %q, %v", from, files, err)
		}
		data, err := os.ReadFile(files[0])
		if err != nil {
			return err
		}
		if err := os.WriteFile(b.path("mkcert", to), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// large compares a store of ten thousand certificates, each of another name,
// with an empty one.
func (b *bench) large() error {
	for _, store := range []string{"large", "small"} {
		if _, err := b.run("picoca", "--home", b.path(store), "init", "--no-passphrase"); err != nil {
			return err
		}
		if _, err := b.run("picoca", "--home", b.path(store), "issue", "pile.local", "--out", "out-"+store); err != nil {
			return err
		}
	}
	if err := fill(b.path("large"), many, func(i int) string { return fmt.Sprintf("filled%d.local", i) }); err != nil {
		return err
	}
	return b.compare("picoca renew, 10,000 in the store / empty", "<= 1.1", b.renew("large"), b.renew("small"))
}

// renew issues one name again and again.
func (b *bench) renew(store string) func(int) (time.Duration, error) {
	return func(int) (time.Duration, error) {
		return b.run("picoca", "--home", b.path(store), "renew", "pile.local", "--out", "out-"+store)
	}
}

// pile adds as many certificates of the one name that is issued again.
func (b *bench) pile() error {
	if err := fill(b.path("large"), 1000, func(int) string { return "pile.local" }); err != nil {
		return err
	}
	// What the store has last is now one that was never written to out.
	if _, err := b.run("picoca", "--home", b.path("large"), "renew", "pile.local", "--force", "--out", "out-large"); err != nil {
		return err
	}
	return b.compare("picoca renew, 1,000 of that name / empty", "", b.renew("large"), b.renew("small"))
}

func (b *bench) list() error {
	return b.compareIn(listRounds, "picoca list --all, 10,000 / the minimal list", "<= 1.5, <= 1 s",
		func(int) (time.Duration, error) { return b.run("picoca", "--home", b.path("large"), "list", "--all") },
		func(int) (time.Duration, error) { return b.run("verify", b.path("large")) })
}

func (b *bench) sizes() error {
	info, err := os.Stat(b.path("picoca"))
	if err != nil {
		return err
	}
	fmt.Fprintf(b.table, "stripped binary\t%.2f MB\t\t\t<= 8 MB, 9 with phone\n", float64(info.Size())/1e6)
	if err := b.memory("peak memory of issue", "<= 12 MiB", "issue", "pico.local"); err != nil {
		return err
	}
	for _, file := range []string{"cert.der", "key.der"} {
		info, err := os.Stat(b.path("pico.local", file))
		if err != nil {
			return err
		}
		fmt.Fprintf(b.table, "%s for pico.local, P-256\t%d bytes\n", file, info.Size())
	}
	return nil
}

// memory adds a row with the most memory that a run takes.
func (b *bench) memory(what, aim string, args ...string) error {
	// A child's count includes the memory of its parent: time is small.
	cmd := exec.Command("time", append([]string{"-f", "%M", b.path("picoca"), "--home", b.path("store")}, args...)...)
	cmd.Dir = b.dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, errs.Bytes())
	}
	kib, err := strconv.ParseFloat(strings.TrimSpace(errs.String()), 64)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.table, "%s\t%.1f MiB\t\t\t%s\n", what, kib/1024, aim)
	return nil
}
