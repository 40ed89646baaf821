package export

import (
	"crypto/sha256"
	"crypto/x509"
	_ "embed"
	"fmt"
	"strings"

	"github.com/micromdm/plist"
	"github.com/picoca/picoca/internal/ca"
)

// The payloads below have the names that Apple's schema gives their keys
// (github.com/apple/device-management, mdm/profiles); a test holds each against
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
}

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
// The latter never has its Password: whoever sees the profile would have the
// key, and the device asks for it.
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

// profileCA writes a profile that trusts the root. Its identifiers come from
// the root alone: a profile that is installed again replaces the one before,
// and that of a renewed root stands beside it.
func profileCA(b Bundle) ([]File, error) {
	id := namespace + shortHash(b.Root.Raw)
	p := b.profile(id, b.Root.Subject.CommonName)
	p.PayloadDescription = "Lets this device trust the devices of your home that have a certificate of " + b.Root.Subject.CommonName + "."
	return b.profileFile("picoca-root", false, p)
}

// ClientProfileID is the identifier of the profile with a client identity: the
// same for every certificate of that label and root.
func ClientProfileID(root *x509.Certificate, label string) string {
	return namespace + shortHash(root.Raw) + ".client." + shortHash([]byte(label))
}

// profileClient writes a profile with a client identity and the root. A
// renewed identity replaces the one before it.
func profileClient(b Bundle) ([]File, error) {
	data, err := b.P12.encode(b)
	if err != nil {
		return nil, err
	}
	label := b.Leaf.Subject.CommonName
	id := ClientProfileID(b.Root, label)
	p := b.profile(id, label)
	p.PayloadDescription = "Lets this device show that it is " + label + ", and trust the devices of your home that have a certificate of " + b.Root.Subject.CommonName + "."
	identity := appleCertificate{
		applePayload:               payload("com.apple.security.pkcs12", id+".identity", b.Leaf.Raw, label),
		PayloadCertificateFileName: b.Stem + ".p12",
		PayloadContent:             data,
	}
	identity.PayloadDescription = "The key by which this device is known. Its passphrase was shown when it was made."
	p.PayloadContent = append([]any{identity}, p.PayloadContent...)
	return b.profileFile(b.Stem, true, p)
}

// profile returns a profile with the root and the web clips.
func (b Bundle) profile(id, name string) appleProfile {
	root := appleCertificate{
		applePayload:               payload("com.apple.security.root", id+".root", b.Root.Raw, b.Root.Subject.CommonName),
		PayloadCertificateFileName: "picoca-root.cer",
		PayloadContent:             b.Root.Raw,
	}
	root.PayloadDescription = "SHA-256 " + ca.Fingerprint(b.Root)
	p := appleProfile{
		ConsentText:         map[string]string{"default": consent(b.Root)},
		PayloadContent:      []any{root},
		PayloadDisplayName:  name,
		PayloadIdentifier:   id,
		PayloadOrganization: b.Root.Subject.CommonName,
		PayloadType:         "Configuration",
		PayloadUUID:         uuid(id, b.Root.Raw),
		PayloadVersion:      1,
	}
	for _, clip := range b.WebClips {
		p.PayloadContent = append(p.PayloadContent, b.webClip(id, clip))
	}
	return p
}

func (b Bundle) webClip(id string, clip WebClip) appleWebClip {
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

func (b Bundle) profileFile(stem string, private bool, p appleProfile) ([]File, error) {
	data, err := plist.MarshalIndent(p, "\t")
	if err == nil && b.Signer != nil {
		data, err = b.Signer.sign(data, b.Root)
	}
	if err != nil {
		return nil, err
	}
	return []File{{Name: stem + ".mobileconfig", Data: data, Private: private}}, nil
}

// consent is what a device shows before the installation.
func consent(root *x509.Certificate) string {
	return fmt.Sprintf("%s is the certificate authority of a home. Once you trust it, whoever has its key can vouch for %s.\n\n"+
		"Before you trust it, compare this with what its owner's computer shows:\n\nSHA-256 %s",
		root.Subject.CommonName, vouched(root), ca.Fingerprint(root))
}

// vouched lists what a root may vouch for.
func vouched(root *x509.Certificate) string {
	if len(root.PermittedDNSDomains) == 0 {
		return "any place on the internet"
	}
	text := "these and nothing else: " + strings.ReplaceAll(ca.ConstraintsOf(root).String(), " ", ", ")
	if len(root.PermittedIPRanges) == 0 {
		text += ", and any address"
	}
	return text
}

// uuid derives a UUID from an identifier and what it stands for: version 8, of
// one's own making (RFC 9562 section 5.8).
func uuid(id string, content []byte) string {
	sum := sha256.Sum256(append([]byte(id+"\x00"), content...))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return fmt.Sprintf("%x", sum[:8])
}
