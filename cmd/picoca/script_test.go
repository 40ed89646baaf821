package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/picoca/picoca/internal/cli"
	"github.com/picoca/picoca/internal/probe"
	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/testpki"
	"github.com/picoca/picoca/internal/trust"
)

// TestMain lets the scripts run picoca inside this test binary. The clock then
// is PICOCA_TEST_NOW, if that is set: the real program knows no such variable.
func TestMain(m *testing.M) {
	testscript.Main(m, commands)
}

// commands, verbs and conditions are ours; testdata/script/README.md explains
// them.
var (
	commands = map[string]func(){"picoca": picoca, "fill": fill}
	verbs    = map[string]func(*testscript.TestScript, bool, []string){
		"exits":  exits,
		"mode":   mode,
		"tree":   tree,
		"tmpfs":  tmpfs,
		"hold":   hold,
		"many":   many,
		"refuse": refuse,
		"root":   rootFolder,
		"owner":  owner,
		"serve":  serve,
		"paste":  paste,
		"agent":  agentVerb,
	}
	conditions = map[string]bool{
		"posix": system() != "windows",
		"root":  os.Geteuid() == 0,
	}
)

func picoca() {
	if runner := strings.Fields(os.Getenv(runnerVariable)); len(runner) > 0 {
		runElsewhere(runner)
	}
	out, saidOut := overhear(os.Stdout)
	errs, saidErr := overhear(os.Stderr)
	code := cli.Main(context.Background(), cli.Env{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: out,
		Stderr: errs,
		Getenv: os.Getenv,
		Now:    testClock,
		Interrupts: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		},
		ResolvConf: cmp.Or(os.Getenv("PICOCA_TEST_RESOLV_CONF"), os.DevNull), // this machine's has nothing to do with it
		Computer:   testComputer(),
		Network:    testNetwork(),
		Devices:    testDevices(),
	})
	keepSaid(os.Args[1:], saidOut, saidErr)
	os.Exit(code)
}

// testNetwork knows no name, and has this machine only.
func testNetwork() *probe.Network {
	network := probe.ThisNetwork()
	network.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, &net.DNSError{IsNotFound: true} }
	network.Interfaces = func() ([]probe.Interface, error) { return nil, nil }
	network.Neighbours = func(context.Context) ([]netip.Addr, error) { return nil, nil }
	return &network
}

// testDevices is what boards are connected to in a script: the folder
// PICOCA_TEST_DEVICES has the system's files, and in usr/bin its ssh. There are no
// serial ports.
func testDevices() *push.Computer {
	c := push.ThisComputer()
	c.OS, c.Base = "linux", cmp.Or(os.Getenv("PICOCA_TEST_DEVICES"), os.DevNull)
	start := c.Start
	c.Start = func(args []string) (*push.Process, error) {
		return start(append([]string{filepath.Join(c.Base, "usr/bin", args[0])}, args[1:]...))
	}
	c.OpenPort = func(name string) (io.ReadWriteCloser, error) { return nil, errors.New("a script has no ports") }
	return &c
}

// testComputer is the computer whose trust stores a script changes: the folder
// PICOCA_TEST_COMPUTER, with its user ann. The only programs that run there are
// those in its own /usr/bin, so that no script can change this machine.
func testComputer() *trust.Computer {
	base := cmp.Or(os.Getenv("PICOCA_TEST_COMPUTER"), os.DevNull)
	run := func(ctx context.Context, c trust.Command) (string, error) {
		args := c.Args
		c.Args = append([]string{filepath.Join(base, "usr/bin", filepath.Base(args[0]))}, args[1:]...)
		out, err := trust.Exec(ctx, c)
		if failed, ok := errors.AsType[*trust.CommandError](err); ok {
			failed.Args = args
		}
		return out, err
	}
	return &trust.Computer{OS: "linux", Base: base, Home: "/home/ann", Path: []string{"/usr/bin"}, UID: 1000, Run: run}
}

// fill writes to a new file until the disk is full.
func fill() {
	file, err := os.Create(os.Args[1])
	for err == nil {
		_, err = file.Write(make([]byte, 512))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func testClock() time.Time {
	text := os.Getenv("PICOCA_TEST_NOW")
	if text == "" {
		return time.Now()
	}
	now, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return now
}

// TestScripts runs the terminal sessions in testdata/script.
func TestScripts(t *testing.T) {
	said := t.TempDir()
	t.Cleanup(func() { checkSaid(t, said) })
	testscript.Run(t, testscript.Params{
		Dir:                "../../testdata/script",
		RequireUniqueNames: true,
		ContinueOnError:    os.Getenv("PICOCA_SCRIPTS_GO_ON") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PICOCA_HOME", filepath.Join(env.WorkDir, "ca"))
			env.Setenv("HOME", env.WorkDir)
			testdata, err := filepath.Abs("../../testdata")
			if err != nil {
				return err
			}
			env.Setenv("TESTDATA", testdata)
			env.Setenv("NO_COLOR", "1")
			env.Setenv(saidVariable, said)
			for _, name := range []string{runnerVariable, systemVariable, "WINEPREFIX", "WINEDEBUG", "WINEDLLOVERRIDES"} {
				if value, ok := os.LookupEnv(name); ok {
					env.Setenv(name, value)
				}
			}
			env.Values[agentValue] = testpki.NewSSHAgent()
			// A race-built process sleeps a second on exit, and a script has many of them.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("PICOCA_TEST_COMPUTER", filepath.Join(env.WorkDir, "computer"))
			env.Setenv("PICOCA_TEST_DEVICES", filepath.Join(env.WorkDir, "devices"))
			return nil
		},
		Condition: condition,
		Cmds:      verbs,
	})
}

func condition(name string) (bool, error) {
	holds, ok := conditions[name]
	if !ok {
		return false, fmt.Errorf("unknown condition %q", name)
	}
	return holds, nil
}

// exits CODE COMMAND... runs a command of picoca's and wants that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE picoca [ARG ...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	if exit, ok := err.(*exec.ExitError); ok {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got := fmt.Sprint(code); got != args[0] {
		ts.Fatalf("exit code: got %s, want %s", got, args[0])
	}
}

// mode OCTAL FILE... wants files to have exactly that mode.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if system() == "windows" {
		return
	}
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[0]) == neg {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// rootFolder is the verb root VARIABLE STORE: it sets a variable to the folder of
// a store's newest root, whose name ends in a part of its key's hash.
func rootFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: root VARIABLE STORE")
	}
	folders, err := filepath.Glob(filepath.Join(ts.MkAbs(args[1]), "roots", "*"))
	ts.Check(err)
	if len(folders) == 0 {
		ts.Fatalf("%s has no roots", args[1])
	}
	folder, err := filepath.Rel(ts.MkAbs("."), folders[len(folders)-1])
	ts.Check(err)
	ts.Setenv(args[0], filepath.ToSlash(folder))
}

// owner UID DIR wants everything in a folder, and the folder, to belong to a
// user.
func owner(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: owner UID DIR")
	}
	ts.Check(filepath.WalkDir(ts.MkAbs(args[1]), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if got := fmt.Sprint(uidOf(info)); got != args[0] {
			return fmt.Errorf("%s belongs to %s, want %s", name, got, args[0])
		}
		return nil
	}))
}

// tree save DIR remembers names, modes and contents below a folder; tree same
// DIR wants them unchanged. The lock file may come and change.
func tree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tree save|same DIR")
	}
	now, key := snapshot(ts, ts.MkAbs(args[1])), "TREE_"+fmt.Sprintf("%x", args[1])
	if args[0] == "save" {
		ts.Setenv(key, now)
		return
	}
	if before := ts.Getenv(key); before != now {
		ts.Fatalf("%s changed\nbefore:\n%s\nnow:\n%s", args[1], before, now)
	}
}

func snapshot(ts *testscript.TestScript, dir string) string {
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == "lock" {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data, _ := os.ReadFile(path) // a folder has none
		fmt.Fprintf(&all, "%s %v %x\n", path, info.Mode(), sha256.Sum256(data))
		return nil
	})
	ts.Check(err)
	return all.String()
}

// tmpfs DIR SIZE mounts a small disk, which only root can do.
func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(ts.Exec("mount", "-t", "tmpfs", "-o", "size="+args[1]+",mode=700", "tmpfs", dir))
	ts.Defer(func() { _ = exec.Command("umount", "-l", dir).Run() })
}

// hold VARIABLE takes a port on loopback until the script ends, and sets VARIABLE to it.
func hold(ts *testscript.TestScript, neg bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// serve VARIABLE CERTIFICATE KEY serves TLS with PEM files on loopback until the
// script ends, and sets VARIABLE to its port.
func serve(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: serve VARIABLE CERTIFICATE KEY")
	}
	cert, err := tls.LoadX509KeyPair(ts.MkAbs(args[1]), ts.MkAbs(args[2]))
	ts.Check(err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}})
	ts.Check(err)
	ts.Defer(func() { _ = listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go func() {
				defer conn.Close()
				_, _ = io.Copy(io.Discard, conn) // the handshake, until the client leaves
			}()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv(args[0], port)
}

// paste TEXT runs the command that begins with TEXT in a hint of the last
// command, as a user would paste it.
func paste(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: paste TEXT")
	}
	text := args[0]
	if system() == "windows" { // its move is mv here
		text = strings.Replace(text, "mv ", "move ", 1)
	}
	for line := range strings.Lines(ts.ReadFile("stderr") + ts.ReadFile("stdout")) {
		if at := strings.Index(line, text); at >= 0 && strings.HasPrefix(line, "hint: ") {
			command, _, _ := strings.Cut(strings.TrimSuffix(line[at:], "\n"), "; ")
			if rest, ok := strings.CutPrefix(command, "move "); ok {
				command = "mv -n -- " + windowsHome.ReplaceAllString(rest, "$$HOME")
			}
			ts.Logf("[pasted] %s", command)
			ts.Check(ts.Exec("sh", "-c", command))
			return
		}
	}
	ts.Fatalf("no hint has %q", args[0])
}

// many CODE N COMMAND... runs a command with N names more, and wants that exit
// code.
func many(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	command := slices.Clone(args[2:])
	for i := range n {
		command = append(command, fmt.Sprintf("device-%d.local", i))
	}
	exits(ts, neg, append(args[:1:1], command...))
}

// refuse FILE issues each name of a file, a line each with Go's escapes, and
// wants an error that quotes it, a hint, and nothing written.
func refuse(ts *testscript.TestScript, neg bool, args []string) {
	quoted := regexp.MustCompile(`(?m)^"(.*)"$`)
	rows := quoted.FindAllStringSubmatch(ts.ReadFile(args[0]), -1)
	if len(rows) < 40 {
		ts.Fatalf("%s has %d names, want at least 40", args[0], len(rows))
	}
	before := snapshot(ts, ts.MkAbs("."))
	for _, row := range rows {
		refuseOne(ts, row[0])
	}
	if now := snapshot(ts, ts.MkAbs(".")); now != before {
		ts.Fatalf("a refused name changed something\nbefore:\n%s\nnow:\n%s", before, now)
	}
}

func refuseOne(ts *testscript.TestScript, literal string) {
	var name string
	if _, err := fmt.Sscanf(literal, "%q", &name); err != nil {
		ts.Fatalf("%s: %v", literal, err)
	}
	quoted := fmt.Sprintf("%q", name)
	if system() == "windows" {
		if !utf8.ValidString(name) {
			return // no command line of Windows can have it
		}
		quoted = strings.ReplaceAll(quoted, `\\`, `\`)
	}
	err := ts.Exec("picoca", "issue", "--", name)
	stderr := ts.ReadFile("stderr")
	exit, ok := err.(*exec.ExitError)
	switch {
	case !ok || exit.ExitCode() != 1:
		ts.Fatalf("name %q: got %v, want exit code 1", name, err)
	case ts.ReadFile("stdout") != "":
		ts.Fatalf("name %q: standard output is not empty", name)
	case !strings.HasPrefix(stderr, "error: name "+quoted+" "), !strings.Contains(stderr, "\nhint: "):
		ts.Fatalf("name %q: error does not quote it, or has no hint:\n%s", name, stderr)
	}
}
