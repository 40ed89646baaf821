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
	var b strings.Builder
	fmt.Fprintf(&b, "{\n\tskip_install_trust\n\tpki {\n\t\tca local {\n\t\t\tname \"picoca\"\n")
	key := ""
	if c.IssuerIsRoot {
		key = "\n\t\t\t\tkey " + caddyWord(c.in(rootKey))
	}
	fmt.Fprintf(&b, "\t\t\troot {\n\t\t\t\tcert %s%s\n\t\t\t}\n", caddyWord(c.in(RootFile)), key)
	if !c.IssuerIsRoot {
		fmt.Fprintf(&b, "\t\t\tintermediate {\n\t\t\t\tcert %s\n\t\t\t\tkey %s\n\t\t\t}\n",
			caddyWord(c.in(IntermediateFile)), caddyWord(c.in(intermediateKey)))
	}
	issuer := "internal"
	if c.IssuerIsRoot {
		issuer = "internal {\n\t\t\tsign_with_root\n\t\t}"
	}
	fmt.Fprintf(&b, "\t\t}\n\t}\n}\n\nnas.home.arpa {\n\ttls {\n\t\tissuer %s\n\t}\n\trespond \"It works.\"\n}\n", issuer)
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
