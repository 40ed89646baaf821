package delegate

import (
	"fmt"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

const caddyfile = "Caddyfile"

// caddy returns a Caddyfile that gives Caddy's internal CA its issuer, and a
// site that uses it. Caddy must not install the root itself: picoca trust does.
func caddy(c Config) []File {
	return []File{{Name: caddyfile, Data: []byte(caddyText(c))}}
}

func caddyText(c Config) string {
	// Caddy before 2.11 wants a key for what it calls the root. It only serves that
	// to its admin endpoint, so the issuer serves as both; clients trust picoca's.
	pair := fmt.Sprintf("{\n\t\t\t\tcert %s\n\t\t\t\tkey %s\n\t\t\t}", caddyWord(c.in(c.certFile())), caddyWord(c.in(c.keyFile())))
	intermediate, issuer := "\t\t\tintermediate "+pair+"\n", "internal"
	if c.IssuerIsRoot {
		intermediate, issuer = "", "internal {\n\t\t\tsign_with_root\n\t\t}"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tskip_install_trust\n\tpki {\n\t\tca local {\n\t\t\troot %s\n%s\t\t}\n\t}\n}\n", pair, intermediate)
	fmt.Fprintf(&b, "\nnas.home.arpa {\n\ttls {\n\t\tissuer %s\n\t}\n\trespond \"It works.\"\n}\n", issuer)
	return b.String()
}

// caddyWord quotes a word for a Caddyfile ("Caddyfile Concepts", tokens and
// quotes): a backslash only escapes a quote, and {$NAME} is replaced even in
// quotes.
func caddyWord(word string) string {
	return `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
}

func caddySteps(c Config) []string {
	return []string{"caddy run --config " + fault.Quote(c.in(caddyfile))}
}
