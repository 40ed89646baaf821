package pki

import (
	"crypto/x509"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// Description is what programs and people are shown of a certificate.
type Description struct {
	Name      string    `json:"name"`
	Kind      Kind      `json:"kind"`
	Names     []string  `json:"names"`
	For       string    `json:"for"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
	// KeyKept says who has the private key: "store", "device" or "files"; or
	// "missing", if the store has lost it.
	KeyKept string `json:"key_kept"`
	// AndClient reports whether a device's certificate is an identity as well.
	AndClient bool `json:"and_client"`
	// Revoked is left out unless the certificate is revoked.
	Revoked *RevokedAt `json:"revoked,omitempty"`
	// RootRetired is when its root was retired, left out unless it was.
	RootRetired *time.Time `json:"root_retired,omitempty"`
	// Pushed is left out unless the files are, or should be, on a device.
	Pushed *store.Pushed `json:"pushed,omitempty"`
}

// RevokedAt is when and why a certificate was revoked.
type RevokedAt struct {
	At     time.Time           `json:"at"`
	Reason ca.RevocationReason `json:"reason,omitempty"`
}

// Describe describes a certificate of the store.
func Describe(i store.Issued) Description {
	d := Description{
		Name: i.Record.Name, Kind: KindOf(i), Names: append([]string{}, ca.NamesOf(i.Leaf)...), For: i.Record.For, Key: keyName(i.Leaf),
		Serial: ca.Serial(i.Leaf), NotBefore: i.Leaf.NotBefore, NotAfter: i.Leaf.NotAfter, SHA256: ca.Fingerprint(i.Leaf),
		KeyKept: keyKept(i.Record.KeyKept), AndClient: IsAlsoClient(i), RootRetired: i.Root.Retired, Pushed: i.Record.Pushed,
	}
	if i.Record.KeyKept == store.KeptInStore && !i.HasKey {
		d.KeyKept = "missing"
	}
	if i.Revoked != nil {
		d.Revoked = &RevokedAt{i.Revoked.At, i.Revoked.Reason}
	}
	return d
}

// DescribeAll describes several certificates; as JSON that is a list even if there
// are none.
func DescribeAll(all []store.Issued) []Description {
	list := make([]Description, len(all))
	for i, issued := range all {
		list[i] = Describe(issued)
	}
	return list
}

// Describe describes the certificate that would be issued: it has neither a serial
// number nor a fingerprint yet.
func (p *Plan) Describe() Description {
	return Description{
		Name: p.Name(), Kind: p.Kind(), Names: append([]string{}, p.Names.Strings()...), For: p.Target.String(), Key: string(p.Key),
		NotBefore: p.NotBefore(), NotAfter: p.NotAfter(), KeyKept: keyKept(p.KeyKept), AndClient: p.AndClient, Pushed: p.NextPlace(),
	}
}

// keyKept is the word for who has a key, where none stands for the store.
func keyKept(kept store.KeyKept) string {
	if kept == store.KeptInStore {
		return "store"
	}
	return string(kept)
}

// keyName returns the key type as the command line has it.
func keyName(cert *x509.Certificate) string {
	keyType, err := ca.KeyTypeOf(cert.PublicKey)
	if err != nil {
		return cert.PublicKeyAlgorithm.String()
	}
	return string(keyType)
}

// RootDescription is what programs and people are shown of a root.
type RootDescription struct {
	Name      string    `json:"name"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Permitted []string  `json:"permitted"`
	NoAddress bool      `json:"no_address,omitempty"` // without ranges, any address is permitted otherwise
	Strict    bool      `json:"strict_constraints"`
	SHA256    string    `json:"sha256"`
	SHA1      string    `json:"sha1"`
	SPKI      string    `json:"spki_sha256"`
}

// DescribeRoot describes a root.
func DescribeRoot(cert *x509.Certificate) RootDescription {
	c := ca.ConstraintsOf(cert)
	return RootDescription{
		Name: cert.Subject.CommonName, Key: keyName(cert), Serial: ca.Serial(cert),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, Permitted: c.Permitted(), NoAddress: c.NoAddress(), Strict: cert.PermittedDNSDomainsCritical,
		SHA256: ca.Fingerprint(cert), SHA1: ca.FingerprintSHA1(cert), SPKI: ca.FingerprintSPKI(cert),
	}
}

// RootInfoDescription is what programs and people are shown of a root among others.
type RootInfoDescription struct {
	ID    string    `json:"id"`
	State RootState `json:"state"`
	RootDescription
	KeyPlace store.KeyPlace `json:"key_place"`
	// Retired is left out unless the root is retired.
	Retired *time.Time `json:"retired,omitempty"`
}

// DescribeRoots describes several roots.
func DescribeRoots(all []RootInfo) []RootInfoDescription {
	list := make([]RootInfoDescription, len(all))
	for i, root := range all {
		list[i] = root.Describe()
	}
	return list
}

// Describe describes the root, without its dependents.
func (r RootInfo) Describe() RootInfoDescription {
	return RootInfoDescription{r.ID, r.State, DescribeRoot(r.Certificate), r.Root.Key, r.Retired}
}

// KeyDescription is what programs and people are shown of where a root's key is.
type KeyDescription struct {
	Place       store.KeyPlace `json:"place"`
	Encrypted   bool           `json:"encrypted"`
	Fingerprint string         `json:"fingerprint,omitempty"`
	Comment     string         `json:"comment,omitempty"`
	Missing     string         `json:"missing,omitempty"` // why it cannot sign now
}

// Describe describes where the key is.
func (s KeyStatus) Describe() KeyDescription {
	d := KeyDescription{s.Place, s.Encrypted, s.Agent.Fingerprint, s.Agent.Comment, ""}
	if s.Missing != nil {
		d.Missing = s.Missing.Error()
	}
	return d
}

// FormatDescription is what programs and people are shown of an export format.
type FormatDescription struct {
	ID     string `json:"id"`
	For    []Kind `json:"for"` // what it can hold the certificate of
	Reader string `json:"reader"`
}

// DescribeFormats describes every format.
func DescribeFormats() []FormatDescription {
	var all []FormatDescription
	for _, format := range export.Formats() {
		all = append(all, FormatDescription{format.ID, kindsOf(format), format.Reader})
	}
	return all
}
