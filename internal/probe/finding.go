package probe

import (
	"fmt"

	"github.com/picoca/picoca/internal/fault"
)

// Level is how much a finding matters.
type Level string

// The levels. A note is what a client may stumble over, and costs something.
const (
	Note    Level = "note"
	Problem Level = "problem"
)

// Finding is something about a server that should be known.
type Finding struct {
	ID    string
	Level Level
	// Title is the same for each finding with the ID, and that of its row in
	// docs/troubleshooting.md; Cause is what was seen here.
	Title, Cause string
	Fix          fault.Hint
}

// Error returns the title and the cause.
func (f Finding) Error() string { return f.Title + ": " + f.Cause }

// Hint returns the fix.
func (f Finding) Hint() fault.Hint { return f.Fix }

// ExitCode is that of a check that found something.
func (Finding) ExitCode() int { return fault.Found }

// Kind is a kind of finding.
type Kind struct {
	ID    string
	Level Level
	Title string
}

// kinds are all that a visit can find. Programs read the IDs: they stay.
var kinds = []Kind{
	{"name-unknown", Problem, "name is not known"},
	{"name-unanswered", Problem, "no device answers to the name"},
	{"refused", Problem, "connection is refused"},
	{"unreachable", Problem, "no route to the address"},
	{"connect-timeout", Problem, "address does not answer"},
	{"silent", Problem, "server accepts the connection and stays silent"},
	{"plain-http", Problem, "server speaks plain HTTP"},
	{"other-service", Note, "port has another service"},
	{"not-tls", Problem, "server does not speak TLS"},
	{"reset", Problem, "server closes the connection during the handshake"},
	{"old-tls", Problem, "server speaks no TLS later than 1.1"},
	{"no-cipher", Problem, "server offers no cipher suite that clients accept"},
	{"unknown-site", Problem, "server does not know the name"},
	{"handshake-timeout", Problem, "handshake does not end"},
	{"handshake-failed", Problem, "handshake fails"},
	{"wrong-key", Problem, "key does not belong to the certificate"},
	{"slow", Problem, "handshake is slow"},
	{"large-key", Problem, "key is too slow for the device"},
	{"large-key-note", Note, "key is large"},
	{"identity-required", Note, "server lets in only clients with an identity"},
	{"identity-optional", Note, "server asks for an identity, and lets in clients without"},
	{"self-signed", Problem, "certificate is self-signed"},
	{"foreign-ca", Problem, "certificate is from another CA"},
	{"missing-intermediate", Problem, "intermediate certificate is missing"},
	{"damaged", Problem, "certificate is not what its CA signed"},
	{"revoked", Problem, "certificate is revoked"},
	{"revoked-ca", Problem, "CA of the certificate is revoked"},
	{"retired-root", Problem, "certificate is from a retired root"},
	{"expired-root", Problem, "root has expired"},
	{"outdated", Problem, "server uses an earlier certificate"},
	{"other-root", Note, "certificate is from an older root"},
	{"expired", Problem, "certificate has expired"},
	{"not-yet-valid", Problem, "certificate is not valid yet"},
	{"ends-soon", Note, "certificate ends soon"},
	{"other-device", Problem, "certificate is another device's"},
	{"wrong-name", Problem, "name is not in the certificate"},
	{"no-names", Problem, "certificate has no names"},
	{"unknown-certificate", Note, "certificate is not in the store"},
	{"not-for-servers", Problem, "certificate is not for servers"},
	{"client-auth", Problem, "certificate can be used as an identity"},
	{"client-auth-note", Note, "some servers take the certificate for an identity"},
	{"too-long", Problem, "certificate is valid for too long"},
	{"board-clock", Note, "certificate is valid from 2021 on"},
	{"weak", Problem, "certificate is too weak"},
	{"outside", Problem, "root cannot vouch for the certificate"},
	{"invalid-chain", Problem, "chain cannot be verified"},
	{"root-included", Note, "server sends the root"},
	{"address-refused", Note, "some clients refuse addresses"},
}

// Kinds returns every kind of finding that a visit can have.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

// find adds a finding.
func (r *Report) find(id string, fix fault.Hint, cause string, args ...any) {
	for _, kind := range kinds {
		if kind.ID == id {
			r.Findings = append(r.Findings, Finding{id, kind.Level, kind.Title, fmt.Sprintf(cause, args...), fix})
			return
		}
	}
	panic("no such finding: " + id)
}
