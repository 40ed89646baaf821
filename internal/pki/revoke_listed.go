package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// MaxOldCRL is how large a file of old revocation lists may be: some 20,000
// entries.
const MaxOldCRL = 1 << 20

// OldCRL is a file of revocation lists of this CA, whose signatures are yet to be
// verified.
type OldCRL struct {
	name  string
	lists []*x509.RevocationList
}

// OldCRLError says why a file of old revocation lists is not taken.
type OldCRLError struct {
	Name, Problem string
	// Mixed means that the file has several lists, of which one is not of this CA.
	Mixed bool
}

func (e *OldCRLError) Error() string { return fmt.Sprintf("revocation list %q %s", e.Name, e.Problem) }

// Hint says which file is meant.
func (e *OldCRLError) Hint() fault.Hint {
	if e.Mixed {
		return fault.Hintf("remove that list from the file: each is a block of its own, and %s writes one of them", fault.Command{"export crl", "--root", "ROOT"})
	}
	return fault.Hintf("take the file that %s wrote, in PEM or DER: the servers that check identities have a copy", fault.Command{"export crl"})
}

const crlBegin = "-----BEGIN X509 CRL-----"

// ParseOldCRL reads the lists of a file in PEM, or one in DER. It fails with an
// OldCRLError.
func ParseOldCRL(name string, data []byte) (*OldCRL, error) {
	old := &OldCRL{name: name}
	blocks := crlBlocks(data)
	switch lists := bytes.Count(data, []byte(crlBegin)); {
	case len(data) > MaxOldCRL:
		return nil, &OldCRLError{Name: name, Problem: fmt.Sprintf("is larger than %d bytes", MaxOldCRL)}
	case len(blocks) != lists:
		return nil, &OldCRLError{Name: name, Problem: "is damaged or incomplete"}
	case lists == 0:
		blocks = [][]byte{data}
	}
	for _, der := range blocks {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, &OldCRLError{Name: name, Problem: "cannot be read as one: " + err.Error()}
		}
		if left := len(der) - len(list.Raw); left > 0 {
			return nil, &OldCRLError{Name: name, Problem: fmt.Sprintf("is followed by %d bytes", left)}
		}
		old.lists = append(old.lists, list)
	}
	return old, nil
}

func crlBlocks(data []byte) (blocks [][]byte) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "X509 CRL" {
			blocks = append(blocks, block.Bytes)
		}
	}
	return blocks
}

// signer returns the root that signed a list.
func (o *OldCRL) signer(list *x509.RevocationList, roots []store.Root) (store.Root, error) {
	for _, root := range roots {
		if _, err := ca.VerifyCRL(root.Certificate, list.Raw); err == nil {
			return root, nil
		}
	}
	problem := fmt.Sprintf("has a list of %q that no root of this CA signed, so nothing was taken over", list.Issuer.CommonName)
	return store.Root{}, &OldCRLError{o.name, problem, len(o.lists) > 1}
}

// listed returns the revocations of old lists that the store does not have. It fails
// with an OldCRLError if one of the lists is not of this CA.
func (c *CA) listed(old *OldCRL) (what revoking, err error) {
	what.old = true
	roots, err := c.Roots()
	if err != nil {
		return what, err
	}
	before, err := c.store.Revocations()
	if err != nil {
		return what, err
	}
	known := map[string]bool{} // true if the store has the revocation
	for _, revocation := range before {
		known[revocation.Serial] = true
	}
	all, err := old.revocations(roots)
	for _, revocation := range all {
		listed, twice := known[revocation.Serial]
		if listed {
			what.listed++
		} else if !twice {
			what.added = append(what.added, revocation)
		}
		known[revocation.Serial] = false
	}
	c.nameRevoked(what.added)
	return what, err
}

// revocations returns those of every entry.
func (o *OldCRL) revocations(roots []store.Root) (all []store.Revocation, err error) {
	for _, list := range o.lists {
		root, err := o.signer(list, roots)
		if err != nil {
			return nil, err
		}
		for _, entry := range list.RevokedCertificateEntries {
			revocation, err := o.revocation(root, entry)
			if err != nil {
				return nil, err
			}
			all = append(all, revocation)
		}
	}
	return all, nil
}

// revocation is that of an entry, with its reason and its time.
func (o *OldCRL) revocation(root store.Root, entry x509.RevocationListEntry) (store.Revocation, error) {
	serial, ok := store.ParseSerial(fmt.Sprintf("%x", entry.SerialNumber))
	if !ok || serial == ca.Serial(root.Certificate) {
		return store.Revocation{}, &OldCRLError{Name: o.name, Problem: fmt.Sprintf("has serial number %x, which no certificate of a device or an identity can have", entry.SerialNumber)}
	}
	reason := ca.ReasonOf(entry.ReasonCode)
	if reason == ca.Unspecified {
		reason = ""
	}
	return store.UnknownRevocation(root, serial, entry.RevocationTime, reason), nil
}

// nameRevoked adds what the store knows of certificates that it has.
func (c *CA) nameRevoked(added []store.Revocation) {
	if len(added) == 0 {
		return
	}
	places := map[string]int{}
	for i, revocation := range added {
		places[revocation.Serial] = i
	}
	for issued, err := range c.All(false) {
		if err != nil {
			continue // a damaged certificate is revoked by its serial number
		}
		if i, found := places[ca.Serial(issued.Leaf)]; found && added[i].IssuedBy(issued.Root) {
			added[i] = issued.Revocation(added[i].At, added[i].Reason)
		}
	}
}
