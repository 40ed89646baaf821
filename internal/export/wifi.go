package export

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/picoca/picoca/internal/fault"
)

// WiFi is a network that lets in identities (EAP-TLS, RFC 5216): its name, and
// that in the certificate of its RADIUS server.
type WiFi struct{ SSID, RadiusDomain string }

// maxSSID is the longest name of a network in bytes (IEEE 802.11, 9.4.2.2).
const maxSSID = 32

// SSIDError says why Input cannot be the name of a network.
type SSIDError struct{ Input, Text string }

func (e SSIDError) Error() string { return fmt.Sprintf("Wi-Fi network %q %s", e.Input, e.Text) }

// Hint says what to do about it.
func (SSIDError) Hint() fault.Hint {
	return fault.Hintf("give the network's name (SSID) as phones show it")
}

// CheckSSID fails with an SSIDError for a text that no network can have as its
// name.
func CheckSSID(ssid string) error {
	switch {
	case ssid == "":
		return SSIDError{ssid, "is empty"}
	case len(ssid) > maxSSID:
		return SSIDError{ssid, fmt.Sprintf("has %d bytes; at most %d are possible", len(ssid), maxSSID)}
	case !utf8.ValidString(ssid):
		return SSIDError{ssid, "is not valid UTF-8"}
	case strings.ContainsFunc(ssid, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }):
		return SSIDError{ssid, "has a control or invisible character"}
	}
	return nil
}

// appleWiFi is com.apple.wifi.managed.
type appleWiFi struct {
	applePayload
	AutoJoin               bool
	EAPClientConfiguration appleEAP
	EncryptionType         string
	PayloadCertificateUUID string
	SSID_STR               string
}

// appleEAP is the network's authentication: EAP-TLS, with a RADIUS server of that
// name and below that root, and with no question about another one.
type appleEAP struct {
	AcceptEAPTypes               []any // of int
	PayloadCertificateAnchorUUID []any // of string
	TLSMinimumVersion            string
	TLSTrustedServerNames        []any // of string
}

const eapTLS = 13 // IANA, Extensible Authentication Protocol Registry

// wifi sets up the network with the identity of a profile. WPA2 stands for WPA3
// too, in Apple's schema.
func (b *Bundle) wifi(id, identity string) appleWiFi {
	var anchors []any
	for i, root := range b.roots() {
		anchors = append(anchors, rootPayload(id, i, root).PayloadUUID)
	}
	w := appleWiFi{
		applePayload: payload("com.apple.wifi.managed", id+".wifi", b.Leaf.Raw, "Wi-Fi "+b.WiFi.SSID),
		AutoJoin:     true,
		EAPClientConfiguration: appleEAP{
			AcceptEAPTypes: []any{eapTLS}, PayloadCertificateAnchorUUID: anchors, TLSMinimumVersion: "1.2", TLSTrustedServerNames: []any{b.WiFi.RadiusDomain},
		},
		EncryptionType:         "WPA2",
		PayloadCertificateUUID: identity,
		SSID_STR:               b.WiFi.SSID,
	}
	w.PayloadDescription = "Joins " + b.WiFi.SSID + " with this identity, if the network's server is " + b.WiFi.RadiusDomain + "."
	return w
}
