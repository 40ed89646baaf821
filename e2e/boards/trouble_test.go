package boards

import (
	"cmp"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// troubleFile is for people who see an error; this file shows that each row of
// its tables is true.
const troubleFile = rig.Root + "/docs/troubleshooting.md"

// A trouble is a row of a table in troubleFile, with what shows it.
type trouble struct {
	errors string // what people see; "32, 104" is one of them
	where  string
	cause  string
	// seen brings it about on a stack and returns what is seen there, each time
	// it was tried. Nothing of a stack is needed where a program shows it.
	seen func(l *troubleLab, s rig.Stack) []string
}

// shownOn are the stacks that stand for a row's second cell.
var shownOn = map[string][]rig.Stack{
	"both":          {rig.CircuitPython, rig.MicroPython},
	"CircuitPython": {rig.CircuitPython},
	"MicroPython":   {rig.MicroPython},
	"curl":          {rig.MicroPython},
	"Chrome":        {rig.MicroPython},
}

// TestTroubles brings each error about, and sees it where the document says.
func TestTroubles(t *testing.T) {
	l := newTroubleLab(t)
	for _, row := range troubles {
		for _, s := range shownOn[row.where] {
			t.Run(row.errors+"/"+row.cause+"/"+s.Program, func(t *testing.T) {
				wanted := strings.Split(row.errors, ", ")
				isWanted := func(seen string) bool { return slices.Contains(wanted, seen) }
				seen := row.seen(l.in(t), s)
				if len(seen) == 0 || slices.ContainsFunc(seen, func(one string) bool { return !isWanted(one) }) {
					t.Errorf("seen %.2000q, want %q", seen, wanted)
				}
			})
		}
	}
}

// TestTroublesAreTheDocuments compares the rows with those of the document.
func TestTroublesAreTheDocuments(t *testing.T) {
	var listed, shown []string
	for line := range strings.Lines(readDocument(t, troubleFile)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		if len(cells) == 4 && strings.HasPrefix(line, "| `") {
			listed = append(listed, strings.Join(cells[:3], " | "))
		}
	}
	for _, row := range troubles {
		shown = append(shown, fmt.Sprintf(" %s | %s | %s", codesOf(row.errors), row.where, row.cause))
	}
	for _, row := range listed {
		if !slices.Contains(shown, row) {
			t.Errorf("no test shows the row %q", row)
		}
	}
	for _, row := range shown {
		if !slices.Contains(listed, row) {
			t.Errorf("%s has no row %q", troubleFile, row)
		}
	}
}

// codesOf writes errors as the document does: mbedTLS's numbers also as C programs
// print them.
func codesOf(errors string) string {
	var codes []string
	for code := range strings.SplitSeq(errors, ", ") {
		text := "`" + code + "`"
		if n, err := strconv.Atoi(code); err == nil && n < -255 {
			text += fmt.Sprintf(" (`-0x%04X`)", -n)
		}
		codes = append(codes, text)
	}
	return strings.Join(codes, ", ")
}

// A troubleLab has what it takes to bring errors about.
type troubleLab struct {
	t    *testing.T
	b    rig.Bench
	root boardRoot
	leaf boardLeaf
	// cert and key are leaf's DER.
	cert, key []byte
}

func newTroubleLab(t *testing.T) *troubleLab {
	t.Helper()
	l := &troubleLab{t: t, b: rig.BoardBench(t), root: newBoardRoot(t)}
	l.leaf = l.root.issue(t, "p256")
	l.key, l.cert = l.leaf.contain(t, "der")
	return l
}

// in is the same for a subtest.
func (l *troubleLab) in(t *testing.T) *troubleLab {
	copied := *l
	copied.t = t
	return &copied
}

// shown is what people look for in what Python shows: the number of an OSError,
// all of another error.
func shown(python string) string { return strings.TrimPrefix(python, "OSError: ") }

// load has a stack load files, and returns what it says; "" if they load.
func (l *troubleLab) load(s rig.Stack, cert, key []byte) string {
	l.t.Helper()
	r := l.b.Parse(l.t, s, "--cert", writeTemp(l.t, "cert", cert), "--key", writeTemp(l.t, "key", key))
	if r.OK {
		return ""
	}
	return shown(r.Python)
}

var pythonErrors = regexp.MustCompile(`ValueError: invalid (?:key|cert)|MemoryError|OSError: \[Errno (\d+)\]`)

// pythonError finds an error in what MicroPython prints, only the number of
// those that have one.
func pythonError(text string) string {
	found := pythonErrors.FindStringSubmatch(text)
	if found == nil {
		return ""
	}
	return cmp.Or(found[1], found[0])
}

// python has the real MicroPython call a method of an SSLContext with files.
func (l *troubleLab) python(method string, files ...[]byte) string {
	l.t.Helper()
	var names []string
	for _, file := range files {
		names = append(names, writeTemp(l.t, "file", file))
	}
	err := microPythonLoads(l.t, l.b, method, names...)
	if err == nil {
		return ""
	}
	return pythonError(err.Error())
}

// serve has a stack serve files to one client, and returns what the board sees.
func (l *troubleLab) serve(s rig.Stack, files []string, client func(port int)) string {
	l.t.Helper()
	return l.serveWith(nil, s, files, client)
}

func (l *troubleLab) serveWith(env []string, s rig.Stack, files []string, client func(port int)) string {
	l.t.Helper()
	server := l.b.ServeWith(l.t, env, nil, s, files...)
	client(server.Port)
	return shown(server.Report().First(l.t).Python)
}

// files are those of the lab's certificate.
func (l *troubleLab) files() []string { return l.leaf.files(l.t, "der") }

// curl visits a port of pico.local, and returns what it prints.
func (l *troubleLab) curl(url, port string, args ...string) string {
	l.t.Helper()
	args = append([]string{"-sS", "--max-time", maxTime, "--noproxy", "*", "--capath", "/nonexistent",
		"--resolve", "pico.local:" + port + ":127.0.0.1", url}, args...)
	out, _ := rig.Outside(l.t, "curl", "curl", args...)
	return out
}

// visitor is curl as a client of serve; say, if not nil, is called with what it prints.
func (l *troubleLab) visitor(scheme string, say func(string), args ...string) func(port int) {
	return func(port int) {
		out := l.curl(fmt.Sprintf("%s://pico.local:%d/", scheme, port), strconv.Itoa(port), args...)
		if say != nil {
			say(out)
		}
	}
}

// identity is how curl shows a certificate and its key.
func (l *troubleLab) identity(leaf boardLeaf) []string {
	l.t.Helper()
	key, cert := leaf.contain(l.t, "pkcs8-pem")
	return []string{"--cert", writeTemp(l.t, "id.pem", cert), "--key", writeTemp(l.t, "id.key", key)}
}

// starved serves with less and less heap, from what a handshake needs down to
// nothing, and returns each error that came of it.
func (l *troubleLab) starved(s rig.Stack, kind string) []string {
	l.t.Helper()
	leaf := l.root.issue(l.t, kind)
	files := leaf.files(l.t, "der")
	var all []string
	for limit := handshakeWithin(l.t, l.b, s, l.root, files, 1<<20).First(l.t).HeapPeak - 16; limit > 15_000; limit -= 400 {
		if code := l.starvedAt(s, files, limit); !slices.Contains(all, code) {
			all = append(all, code)
		}
	}
	return all
}

// starvedAt serves, or fails to begin: a stack that loads its files once is
// never there to visit.
func (l *troubleLab) starvedAt(s rig.Stack, files []string, limit int) string {
	l.t.Helper()
	args := append(slices.Clone(files), "--limit", strconv.Itoa(limit))
	if r := l.b.Parse(l.t, s, args...); !r.OK {
		return shown(r.Python)
	}
	return l.serve(s, args, func(port int) { _ = visitGo(l.t, visit{port: port, root: l.root}) })
}

// only returns want if it is among all, and all if not.
func only(want string, all []string) []string {
	if slices.Contains(all, want) {
		return []string{want}
	}
	return all
}

// pythonWithin has the real MicroPython serve in a small heap, and returns the
// first error that it shows.
func (l *troubleLab) pythonWithin(heap string) string {
	l.t.Helper()
	port := rig.FreePort(l.t)
	p := rig.StartProgram(l.t, []string{"MICROPYPATH=" + filepath.Join(l.b.Dir, "lib")}, filepath.Join(l.b.Dir, "micropython"),
		"-X", "heapsize="+heap, filepath.Join(rig.BoardFiles, "serve.py"), writeTemp(l.t, "cert", l.cert), writeTemp(l.t, "key", l.key), port, "1")
	for p.Lines.Scan() {
		if strings.Contains(p.Lines.Text(), "listening") {
			done := make(chan struct{})
			go func() { // it may stay without an answer, until the test's end
				defer close(done)
				l.curl("https://pico.local:"+port+"/", port, "--cacert", l.root.pemName)
			}()
			l.t.Cleanup(func() { <-done })
		}
		if found := pythonError(p.Lines.Text()); found != "" {
			return found
		}
	}
	p.Cmd.Wait()
	return pythonError(p.Errors.String())
}
