package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// faultsIn checks one file as if it stood in a package.
func faultsIn(t testing.TB, dir, source string) string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "x.go", "package x\n"+source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return strings.Join(check(fset, dir, []*ast.File{file}), "\n")
}

func TestCheckerFindsWhatIsForbidden(t *testing.T) {
	for _, row := range []struct{ dir, source, want string }{
		{"internal/ca", `import _ "github.com/picoca/picoca/internal/store"`, "may not import internal/store"},
		{"internal/store", `import _ "github.com/picoca/picoca/internal/export"`, "may not import internal/export"},
		{"internal/device", `import _ "github.com/picoca/picoca/internal/export"`, "may not import"},
		{"internal/onboard", `import _ "github.com/picoca/picoca/internal/cli"`, "may not import"},
		{"cmd/picoca", `import _ "github.com/picoca/picoca/internal/ca"`, "may not import"},
		{"demo", `import _ "github.com/picoca/picoca/internal/ca"`, "may not import"},
		{"internal/util", ``, "not in the table"},
		{"internal/cli", `import _ "github.com/picoca/picoca/internal/testpki"`, "for tests only"},
		{"internal/cli", `import _ "github.com/picoca/picoca/internal/durable/faultdisk"`, "for tests only"},
		{"internal/ca", `import "os"`, "imports os"},
		{"internal/ca", `import o "os"`, "imports os"},
		{"internal/export", `import "os/exec"`, "imports os/exec"},
		{"internal/durable", `import "log/slog"`, "imports log/slog"},
		{"internal/device", `import "log"`, "imports log"},
		{"internal/durable", `import "syscall"`, "imports syscall"},
		{"internal/store", `import "github.com/spf13/cobra"`, "only for internal/cli"},
		{"cmd/picoca", `import "github.com/spf13/cobra"`, "only for internal/cli"},
		{"internal/cli", `import . "time"`, "without a name"},
		{"internal/cli", `import "time"; func f() { _ = time.Now() }`, "reads the clock"},
		{"internal/cli", `import "time"; func f() func() time.Time { return time.Now }`, "reads the clock"},
		{"internal/cli", `import clock "time"; func f() { _ = clock.Since(clock.Time{}) }`, "reads the clock"},
		{"internal/cli", `import "time"; var left = time.Until`, "reads the clock"},
		{"internal/ca", `func init() {}`, "function init"},
		{"cmd/picoca", `func init() {}`, "function init"},
		{"internal/ca", `var cache map[string]int`, "no value yet"},
		{"internal/ca", `import "sync"; var mu sync.Mutex`, "no value yet"},
		{"internal/ca", `var ( a = 1; b int )`, "variable b has no value"},
		{"internal/ca", `var cache = map[string]int{}`, "begins empty"},
		{"internal/ca", `var cache = make(map[string]int)`, "begins empty"},
		{"internal/ca", `var count = new(int)`, "begins empty"},
		{"internal/ca", `import "sync"; var seen = sync.Map{}`, "begins empty"},
		{"internal/ca", `type t struct{ n int }; var one = &t{n: 1}`, "begins empty"},
		{"internal/ca", `var a, b = 1, []int{}`, "variable b begins empty"},
		{"internal/ca", `var n = 1; func f() { n = 2 }`, "assigns package variable n"},
		{"internal/ca", `var n = 1; func f() { n += 2 }`, "assigns package variable n"},
		{"internal/ca", `var n = 1; func f() { n++ }`, "assigns package variable n"},
		{"internal/ca", `var n = 1; func f() { (n)-- }`, "assigns package variable n"},
		{"internal/ca", `var n, m = 1, 2; func f() { n, m = m, n }`, "assigns package variable m"},
		{"internal/ca", `var t = []int{1}; func f() { t[0] = 2 }`, "assigns package variable t"},
		{"internal/ca", `var t = []int{1}; func f() { t = append(t, 2) }`, "assigns package variable t"},
		{"internal/ca", `var t = []int{1}; func f() { copy(t[1:], t) }`, "changes package variable t"},
		{"internal/ca", `var m = map[int]int{1: 1}; func f() { delete(m, 1) }`, "changes package variable m"},
		{"internal/ca", `var m = map[int]int{1: 1}; func f() { clear(m) }`, "changes package variable m"},
		{"internal/ca", `var s = struct{ n int }{1}; func f() { s.n = 2 }`, "assigns package variable s"},
		{"internal/ca", `var n = 1; func f() *int { return &n }`, "takes the address of package variable n"},
		{"internal/ca", `var s = struct{ n int }{1}; func f() *int { return &s.n }`, "takes the address of package variable s"},
		{"internal/ca", `var n = 1; func f() { for n = range 3 {} }`, "assigns package variable n"},
		{"internal/ca", `var n = 1; func f() { func() { if true { n = 2 } }() }`, "assigns package variable n"},
		{"internal/cli", `import "github.com/spf13/cobra"; func f() { cobra.EnableCommandSorting = false }`, "assigns a variable of package"},
		{"internal/cli", `import "github.com/picoca/picoca/internal/ca"; func f() { ca.ErrUsed = nil }`, "assigns a variable of package"},
	} {
		if got := faultsIn(t, row.dir, row.source); !strings.Contains(got, row.want) {
			t.Errorf("%s: %s: got %q, want %q", row.dir, row.source, got, row.want)
		}
	}
}

func TestCheckerLetsTheRestBe(t *testing.T) {
	for _, row := range []struct{ dir, source string }{
		{"internal/cli", `import _ "github.com/picoca/picoca/internal/ca"; import _ "github.com/picoca/picoca/internal/trust"`},
		{"internal/store", `import _ "github.com/picoca/picoca/internal/durable"; import "os"`},
		{"cmd/picoca", `import _ "github.com/picoca/picoca/internal/cli"; import "time"; var now = time.Now`},
		{"internal/cli", `import "github.com/spf13/cobra"; import "os"`},
		{"internal/ca", `import "time"; func f(now time.Time) time.Time { return now.Add(time.Hour) }`},
		{"internal/ca", `type time struct{}; func (time) Now() {}; func f(t time) { t.Now() }`},
		{"internal/ca", `import "errors"; var ErrX = errors.New("x")`},
		{"internal/ca", `var table = []struct{ a, b int }{{1, 2}}; func f() int { for _, row := range table { row.a = 3 }; return len(table) }`},
		{"internal/ca", `import "sync"; var All = sync.OnceValue(func() []int { return nil })`},
		{"internal/ca", "import \"embed\"\n//go:embed x\nvar files embed.FS"},
		{"internal/ca", "import _ \"embed\"\nvar (\n\t//go:embed x\n\ticon []byte\n)"},
		{"internal/ca", `type t struct{}; var _ interface{} = (*t)(nil); var _ interface{} = t{}`},
		{"internal/ca", `var n = 1; func f() { n := 2; n = 3; n++; p := &n; *p = 4 }`},
		{"internal/ca", `var n = 1; func f(n int) (out []int) { n = 2; out = append(out, n); return out }`},
		{"internal/ca", `type t struct{ n int }; func (t *t) init() { t.n = 1 }`},
		{"internal/ca", `var n = 1; type t struct{ n int }; func f(x t) t { x.n = 2; return t{n: n} }`},
		{"bench", `import "time"; var started = time.Now(); func f() { started = time.Now() }`},
	} {
		if got := faultsIn(t, row.dir, row.source); got != "" {
			t.Errorf("%s: %s: got %q", row.dir, row.source, got)
		}
	}
}
