package export

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"fmt"
	"strings"

	"github.com/micromdm/plist"

	"github.com/picoca/picoca/internal/ca"
)

// The fields of the payloads below are named after the keys in Apple's schema
// (github.com/apple/device-management, mdm/profiles); a test compares each with
// testdata/apple-profiles.json.

// appleProfile is the top level of a profile (TopLevel.yaml).
type appleProfile struct {
	ConsentText         map[string]string
	PayloadContent      []any
	PayloadDescription  string
	PayloadDisplayName  string
	PayloadIdentifier   string
	PayloadOrganization string
	PayloadType         string
	PayloadUUID         string
	PayloadVersion      int
	TargetDeviceType    AppleDevice `plist:",omitempty"`
}

// AppleDevice is the kind of device that a profile is for (TargetDeviceType).
type AppleDevice int

const (
	// AnyApple leaves the choice to the device. Owners of an Apple Watch are then
	// asked where to install the profile.
	AnyApple     AppleDevice = 0
	IPhoneOrIPad AppleDevice = 1
	Mac          AppleDevice = 5
)

// applePayload is what all payloads have (CommonPayloadKeys.yaml).
type applePayload struct {
	PayloadDescription string
	PayloadDisplayName string
	PayloadIdentifier  string
	PayloadType        string
	PayloadUUID        string
	PayloadVersion     int
}

// appleCertificate is com.apple.security.root or com.apple.security.pkcs12.
// The latter never has its Password: anyone who sees the profile would have the
// key. The device asks for it.
type appleCertificate struct {
	applePayload
	PayloadCertificateFileName string
	PayloadContent             []byte
}

// appleWebClip is com.apple.webClip.managed.
type appleWebClip struct {
	applePayload
	FullScreen  bool
	Icon        []byte
	IsRemovable bool
	Label       string
	Precomposed bool
	URL         string
}

// WebClip is an icon on the home screen that opens a device's page.
type WebClip struct{ Label, URL string }

//go:embed icon.png
var icon []byte

// namespace begins the identifiers of all profiles.
const namespace = "io.github.picoca."

// renderProfile writes an Apple profile: with an identity, or the root only.
func renderProfile(s Spec, b Bundle) ([]byte, error) {
	switch {
	case s.Has(Key) && s.Has(Leaf) && s.Has(CA):
		return profileClient(s, b)
	case len(s.Parts) == 1 && s.Has(CA):
		return profileCA(b)
	}
	return nil, ContainerError{s}
}

// profileCA writes a profile that trusts the root and MoreRoots. Its identifiers
// depend only on the root: a profile that is installed again, with other roots
// beside it or none, replaces the previous one; another root's is separate.
func profileCA(b Bundle) ([]byte, error) {
	id := namespace + shortHash(b.Root.Raw)
	p := b.profile(id, b.Root.Subject.CommonName)
	p.PayloadDescription = "Lets this device trust your own devices: those with a certificate from " + b.rootNames() + "."
	return b.marshal(p)
}

func (b *Bundle) rootNames() string {
	var names []string
	for _, root := range b.roots() {
		names = append(names, root.Subject.CommonName)
	}
	return strings.Join(names, " or ")
}

// ClientProfileID returns the identifier of the profile with an identity: the
// same for every certificate with that name under that root.
func ClientProfileID(root *x509.Certificate, name string) string {
	return namespace + shortHash(root.Raw) + ".client." + shortHash([]byte(name))
}

// profileClient writes a profile with an identity and the roots. A renewed
// identity replaces the previous one.
func profileClient(s Spec, b Bundle) ([]byte, error) {
	s.Parts = []string{string(Key), string(Leaf)}
	s.Profile = cmp.Or(s.Profile, string(LegacyDES))
	data, err := renderP12(s, b)
	if err != nil {
		return nil, err
	}
	name := b.Leaf.Subject.CommonName
	id := ClientProfileID(b.LeafIssuer(), name)
	p := b.profile(id, name)
	p.PayloadDescription = "Identifies this device to your servers as " + name + ", and lets it trust your own devices: those with a certificate from " + b.rootNames() + "."
	identity := appleCertificate{
		applePayload:               payload("com.apple.security.pkcs12", id+".identity", b.Leaf.Raw, name),
		PayloadCertificateFileName: b.Stem + ".p12",
		PayloadContent:             data,
	}
	identity.PayloadDescription = "The certificate and key of " + name + ". The passphrase was shown when this file was made."
	p.PayloadContent = append([]any{identity}, p.PayloadContent...)
	if b.WiFi != nil {
		p.PayloadContent = append(p.PayloadContent, b.wifi(id, identity.PayloadUUID))
	}
	return b.marshal(p)
}

// profile returns a profile with the roots and the web clips.
func (b *Bundle) profile(id, name string) appleProfile {
	p := appleProfile{
		ConsentText:         map[string]string{"default": consent(b.roots())},
		PayloadDisplayName:  name,
		PayloadIdentifier:   id,
		PayloadOrganization: b.Root.Subject.CommonName,
		PayloadType:         "Configuration",
		PayloadUUID:         uuid(id, b.Root.Raw),
		PayloadVersion:      1,
		TargetDeviceType:    b.AppleDevice,
	}
	for i, root := range b.roots() {
		p.PayloadContent = append(p.PayloadContent, rootPayload(id, i, root))
	}
	for _, clip := range b.WebClips {
		p.PayloadContent = append(p.PayloadContent, b.webClip(id, clip))
	}
	return p
}

func rootPayload(id string, i int, root *x509.Certificate) appleCertificate {
	id += ".root"
	file := "picoca-root.cer"
	if i > 0 {
		id += "." + shortHash(root.Raw)
		file = fmt.Sprintf("picoca-root-%d.cer", i+1)
	}
	c := appleCertificate{
		applePayload:               payload("com.apple.security.root", id, root.Raw, root.Subject.CommonName),
		PayloadCertificateFileName: file,
		PayloadContent:             root.Raw,
	}
	c.PayloadDescription = "SHA-256 " + ca.Fingerprint(root)
	return c
}

func (b *Bundle) webClip(id string, clip WebClip) appleWebClip {
	w := appleWebClip{
		applePayload: payload("com.apple.webClip.managed", id+".clip."+shortHash([]byte(clip.URL)), b.Root.Raw, clip.Label),
		FullScreen:   true,
		Icon:         icon,
		IsRemovable:  true,
		Label:        clip.Label,
		Precomposed:  true,
		URL:          clip.URL,
	}
	w.PayloadDescription = "Opens " + clip.URL
	return w
}

func payload(kind, id string, content []byte, name string) applePayload {
	return applePayload{PayloadDisplayName: name, PayloadIdentifier: id, PayloadType: kind, PayloadUUID: uuid(id, content), PayloadVersion: 1}
}

func (b *Bundle) marshal(p appleProfile) ([]byte, error) {
	data, err := plist.MarshalIndent(p, "\t")
	if err == nil && b.Signer != nil {
		data, err = b.Signer.sign(data, b.Root)
	}
	return data, err
}

// consent is the text that the reader must accept before the installation.
func consent(roots []*x509.Certificate) string {
	var parts []string
	for _, root := range roots {
		parts = append(parts, fmt.Sprintf("%s is a private certificate authority. If you trust it, it can vouch for:\n\n%s\n\n"+
			"Before you trust it, compare this fingerprint with the one on the computer where picoca runs:\n\nSHA-256 %s",
			root.Subject.CommonName, vouches(ca.ScopeOf(root)), ca.Fingerprint(root)))
	}
	return strings.Join(parts, "\n\n")
}

// vouches lists what a root can vouch for, and says what that excludes. The
// phone's page has the same sentences.
func vouches(s ca.Scope) string {
	names, addresses, mail := "any name on the internet", "any IP address", "any e-mail address"
	if len(s.Domains) > 0 {
		names = "names that end in " + s.Endings()
	}
	if len(s.Ranges) > 0 {
		addresses = "IP addresses in " + strings.ReplaceAll(strings.Trim(fmt.Sprint(s.Ranges), "[]"), " ", ", ")
	}
	if s.NoAddress {
		addresses = "no IP address"
	}
	if len(s.Mail) > 0 {
		mail = "e-mail addresses at " + strings.Join(s.Mail, ", ")
	}
	text := "- " + names + "\n- " + addresses + "\n- " + mail
	if limit := excluded(s); limit != "" {
		text += "\n\n" + limit + " Browsers enforce these limits; some other programs do not."
	}
	return text
}

// excluded returns what the limits exclude; nothing if any name is permitted.
func excluded(s ca.Scope) string {
	switch {
	case len(s.Domains) == 0:
		return ""
	case s.HomeNames() && s.HomeAddresses() && s.HomeMail():
		return "It cannot vouch for websites or e-mail addresses on the internet."
	case s.HomeNames() && s.HomeAddresses():
		return "It cannot vouch for websites on the internet."
	case s.HomeNames():
		return "It cannot vouch for the name of a website on the internet."
	case len(s.Ranges) > 0:
		return "It cannot vouch for any other website."
	}
	return "It cannot vouch for the name of any other website."
}

// uuid derives a UUID from an identifier and its content: version 8, which leaves
// the bits to us (RFC 9562 section 5.8).
func uuid(id string, content []byte) string {
	sum := sha256.Sum256(append([]byte(id+"\x00"), content...))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%x", sum[:8])
}
