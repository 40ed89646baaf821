package export

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"image/png"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/micromdm/plist"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// appleKey is what Apple says of a key, appleKeys of a payload's keys.
type appleKey struct {
	Type           string `json:"type"`
	Required       bool   `json:"required"`
	Values         []any  `json:"values"`
	ManualInstall  *bool  `json:"manual_install"`
	SupervisedOnly bool   `json:"supervised_only"`
}

type appleKeys struct {
	ManualInstall bool                `json:"manual_install"`
	Multiple      bool                `json:"multiple"`
	Keys          map[string]appleKey `json:"keys"`
}

type appleSchema struct {
	Source      string               `json:"source"`
	Top, Common appleKeys            `json:"-"`
	Payloads    map[string]appleKeys `json:"payloads"`
}

func readSchema(t *testing.T) appleSchema {
	t.Helper()
	data, err := os.ReadFile("testdata/apple-profiles.json")
	if err != nil {
		t.Fatal(err)
	}
	var s struct {
		appleSchema
		Top    appleKeys `json:"top"`
		Common appleKeys `json:"common"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		t.Fatal(err)
	}
	s.appleSchema.Top, s.appleSchema.Common = s.Top, s.Common
	return s.appleSchema
}

// check checks a dictionary against what Apple says of its keys; the values of
// common keys too.
func (s appleSchema) check(dict map[string]any, kinds ...appleKeys) (faults []string) {
	known := map[string]appleKey{}
	for _, kind := range kinds {
		if !kind.ManualInstall {
			faults = append(faults, fmt.Sprintf("%v cannot be installed by hand", dict["PayloadType"]))
		}
		for name, key := range kind.Keys {
			known[name] = key
			if _, found := dict[name]; key.Required && !found {
				faults = append(faults, name+" is missing")
			}
		}
	}
	for name, value := range dict {
		if fault := known[name].check(value); fault != "" {
			faults = append(faults, name+" "+fault)
		}
	}
	return faults
}

func (k appleKey) check(value any) string {
	inList := func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(value) }
	switch got := appleType(value); {
	case k.Type == "":
		return "is unknown"
	case got != k.Type:
		return fmt.Sprintf("has type %s, want %s", got, k.Type)
	case k.SupervisedOnly || k.ManualInstall != nil && !*k.ManualInstall:
		return "is not for profiles that are installed by hand"
	case len(k.Values) > 0 && !slices.ContainsFunc(k.Values, inList):
		return fmt.Sprintf("has value %v, want one of %v", value, k.Values)
	}
	return ""
}

func appleType(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case uint64, int64:
		return "integer"
	case float64:
		return "real"
	case bool:
		return "boolean"
	case []byte:
		return "data"
	case []any:
		return "array"
	case map[string]any:
		return "dictionary"
	case time.Time:
		return "date"
	}
	return fmt.Sprintf("%T", value)
}

func readProfile(t *testing.T, data []byte) (top map[string]any, payloads []map[string]any) {
	t.Helper()
	if err := plist.Unmarshal(data, &top); err != nil {
		t.Fatal(err)
	}
	for _, p := range top["PayloadContent"].([]any) {
		payloads = append(payloads, p.(map[string]any))
	}
	return top, payloads
}

var clips = []WebClip{{"pico.local", "https://pico.local/"}, {"Garden & <yard>", "https://[fe80::1]:8443/?a=1&b=2"}}

// profiles are all kinds of profiles, by the name of the test.
func profiles(t *testing.T) map[string][]byte {
	t.Helper()
	root, client := fixedBundle(t, ""), fixedBundle(t, "client")
	all := map[string][]byte{
		"ca":     render(t, rootSpecs("mobileconfig"), root)["picoca-root.mobileconfig"],
		"client": render(t, clientSpecs("mobileconfig"), client)["client.mobileconfig"],
	}
	root.WebClips, client.WebClips = clips, clips
	root.AppleDevice, client.AppleDevice = IPhoneOrIPad, Mac
	all["ca with clips"] = render(t, rootSpecs("mobileconfig"), root)["picoca-root.mobileconfig"]
	all["client with clips"] = render(t, clientSpecs("mobileconfig"), client)["client.mobileconfig"]
	client.WiFi = &WiFi{SSID: "Home & <garden>", RadiusDomain: "radius.home.arpa"}
	all["client with wifi"] = render(t, clientSpecs("mobileconfig"), client)["client.mobileconfig"]
	return all
}

// TestProfilesAreWhatAppleSays checks every key of every payload against Apple's
// public schema.
func TestProfilesAreWhatAppleSays(t *testing.T) {
	schema := readSchema(t)
	for name, data := range profiles(t) {
		top, payloads := readProfile(t, data)
		faults := schema.check(top, schema.Top)
		for _, p := range payloads {
			kind, found := schema.Payloads[p["PayloadType"].(string)]
			if !found {
				t.Fatalf("%s: payload type %q is unknown", name, p["PayloadType"])
			}
			faults = append(faults, schema.check(p, schema.Common, kind)...)
			if eap, found := p["EAPClientConfiguration"].(map[string]any); found {
				faults = append(faults, schema.check(eap, schema.Payloads["com.apple.wifi.managed: EAPClientConfiguration"])...)
			}
		}
		for _, fault := range faults {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// TestSchemaCheckFindsFaults: a check that finds nothing would prove nothing.
func TestSchemaCheckFindsFaults(t *testing.T) {
	schema := readSchema(t)
	_, payloads := readProfile(t, profiles(t)["ca with clips"])
	clip := payloads[1]
	for name, edit := range map[string]func(map[string]any){
		"URL is missing":     func(p map[string]any) { delete(p, "URL") },
		"Colour is unknown":  func(p map[string]any) { p["Colour"] = "green" },
		"Label has type":     func(p map[string]any) { p["Label"] = uint64(1) },
		"has value 2":        func(p map[string]any) { p["PayloadVersion"] = uint64(2) },
		"not for profiles":   func(p map[string]any) { p["TargetApplicationBundleIdentifier"] = "x" },
		"FullScreen has typ": func(p map[string]any) { p["FullScreen"] = "true" },
	} {
		broken := map[string]any{}
		maps.Copy(broken, clip)
		edit(broken)
		faults := schema.check(broken, schema.Common, schema.Payloads["com.apple.webClip.managed"])
		if len(faults) != 1 || !strings.Contains(faults[0], name) {
			t.Errorf("want %q, got %q", name, faults)
		}
	}
	if faults := schema.check(map[string]any{"PayloadRemovalDisallowed": true}, appleKeys{ManualInstall: true, Keys: schema.Top.Keys}); !strings.Contains(strings.Join(faults, "; "), "RemovalDisallowed is not for") {
		t.Errorf("PayloadRemovalDisallowed: got %q", faults)
	}
}

var uuidForm = regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`)

// TestProfileIdentifiersAreUnique: Apple asks for it, within a profile for the
// identifiers and everywhere for the UUIDs.
func TestProfileIdentifiersAreUnique(t *testing.T) {
	uuids := map[any]string{}
	for _, name := range []string{"ca with clips", "client with clips"} {
		top, payloads := readProfile(t, profiles(t)[name])
		ids := map[any]bool{}
		for _, p := range append(payloads, top) {
			id, uuid := p["PayloadIdentifier"], p["PayloadUUID"]
			if ids[id] || uuids[uuid] != "" || !uuidForm.MatchString(uuid.(string)) {
				t.Errorf("%s: %v, %v: taken, or no UUID of version 8", name, id, uuid)
			}
			ids[id], uuids[uuid] = true, name
		}
	}
}

// TestProfileOfARootNeverChanges: two exports are byte-equal, so that a second
// installation replaces the first; the profile of a renewed root is another.
func TestProfileOfARootNeverChanges(t *testing.T) {
	b := fixedBundle(t, "")
	first, again := render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"], render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"]
	if !bytes.Equal(first, again) {
		t.Error("two exports differ")
	}
	b.Root = fixedRoot(t, fixedKey(t, "root"), fixedTime.AddDate(5, 0, 0)).Cert
	top, payloads := readProfile(t, first)
	renewed, renewedPayloads := readProfile(t, render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"])
	for _, pair := range [][2]map[string]any{{top, renewed}, {payloads[0], renewedPayloads[0]}} {
		for _, key := range []string{"PayloadIdentifier", "PayloadUUID"} {
			if pair[0][key] == pair[1][key] {
				t.Errorf("renewed root: %s is still %v", key, pair[1][key])
			}
		}
	}
}

func TestProfileSaysWhatIsTrusted(t *testing.T) {
	b := fixedBundle(t, "")
	top, payloads := readProfile(t, profiles(t)["ca"])
	if len(payloads) != 1 || payloads[0]["PayloadType"] != "com.apple.security.root" || !bytes.Equal(payloads[0]["PayloadContent"].([]byte), b.Root.Raw) {
		t.Error("the one payload is not the root")
	}
	text := top["ConsentText"].(map[string]any)["default"].(string)
	for _, want := range []string{b.Root.Subject.CommonName, "SHA-256 " + ca.Fingerprint(b.Root), ".local, ", ".home.arpa, ", "192.168.0.0/16, "} {
		if !strings.Contains(text, want) {
			t.Errorf("consent text lacks %q:\n%s", want, text)
		}
	}
}

// The consent text claims no limit that the certificate lacks.
func TestConsentClaimsWhatTheCertificateSays(t *testing.T) {
	const enforced = " Browsers enforce these limits; some other programs do not."
	for _, test := range []struct {
		name   string
		change func(*x509.Certificate)
		want   string // the sentence about limits
		lists  []string
	}{
		{"a new root", func(*x509.Certificate) {}, "It cannot vouch for websites or e-mail addresses on the internet.", []string{"- names that end in .local, ", "- IP addresses in 10.0.0.0/8, ", "- e-mail addresses at home.arpa"}},
		{"without e-mail constraints", func(c *x509.Certificate) { c.PermittedEmailAddresses = nil }, "It cannot vouch for websites on the internet.", []string{"- any e-mail address"}},
		{"without address constraints", func(c *x509.Certificate) { c.PermittedIPRanges = nil }, "It cannot vouch for the name of a website on the internet.", []string{"- any IP address"}},
		{"with the owner's domain", func(c *x509.Certificate) {
			c.PermittedDNSDomains = append(slices.Clone(c.PermittedDNSDomains), "example.org")
		}, "It cannot vouch for any other website.", []string{", .example.org\n"}},
		{"with that and any address", func(c *x509.Certificate) { c.PermittedDNSDomains, c.PermittedIPRanges = []string{"example.org"}, nil }, "It cannot vouch for the name of any other website.", nil},
		{"without name constraints", func(c *x509.Certificate) { c.PermittedDNSDomains = nil }, "", []string{"- any name on the internet"}},
	} {
		root := fixedRoot(t, fixedKey(t, "root"), fixedTime).Cert
		test.change(root)
		text := consent([]*x509.Certificate{root})
		got := strings.Split(text, "\n\n")[2]
		if test.want == "" && strings.Contains(text, "cannot") || test.want != "" && got != test.want+enforced {
			t.Errorf("%s: got\n%s", test.name, text)
		}
		for _, want := range test.lists {
			if !strings.Contains(text, want) {
				t.Errorf("%s: lacks %q:\n%s", test.name, want, text)
			}
		}
	}
}

// While a root is replaced, one profile brings both. It takes the place of the
// signing root's own, and each root keeps its payload's identifiers.
func TestAProfileWithTwoRootsReplacesThatOfTheFirst(t *testing.T) {
	schema := readSchema(t)
	b := fixedBundle(t, "")
	req := testpki.HomeRequest()
	req.Name = "Second Root"
	other := testpki.Root(t, req, fixedKey(t, "device"), fixedTime).Cert
	one, single := readProfile(t, render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"])
	b.MoreRoots = []*x509.Certificate{other}
	two, both := readProfile(t, render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"])
	if len(both) != 2 || !bytes.Equal(both[0]["PayloadContent"].([]byte), b.Root.Raw) || !bytes.Equal(both[1]["PayloadContent"].([]byte), other.Raw) {
		t.Fatal("the payloads are not the two roots")
	}
	for _, key := range []string{"PayloadIdentifier", "PayloadUUID"} {
		if one[key] != two[key] || single[0][key] != both[0][key] || both[0][key] == both[1][key] {
			t.Errorf("%s: got %v and %v, payloads %v, %v and %v", key, one[key], two[key], single[0][key], both[0][key], both[1][key])
		}
	}
	text := two["ConsentText"].(map[string]any)["default"].(string)
	for _, root := range []*x509.Certificate{b.Root, other} {
		if !strings.Contains(text, root.Subject.CommonName+" is a private certificate authority") || !strings.Contains(text, "SHA-256 "+ca.Fingerprint(root)) {
			t.Errorf("consent text lacks %s:\n%s", root.Subject.CommonName, text)
		}
	}
	for _, p := range both {
		for _, fault := range schema.check(p, schema.Common, schema.Payloads["com.apple.security.root"]) {
			t.Error(fault)
		}
	}
}

// Without a target, owners of an Apple Watch are asked where to install.
func TestProfileNamesItsTargetWhereItIsKnown(t *testing.T) {
	for device, want := range map[AppleDevice]any{AnyApple: nil, IPhoneOrIPad: uint64(1), Mac: uint64(5)} {
		b := fixedBundle(t, "")
		b.AppleDevice = device
		top, _ := readProfile(t, render(t, rootSpecs("mobileconfig"), b)["picoca-root.mobileconfig"])
		if got := top["TargetDeviceType"]; got != want {
			t.Errorf("device %d: got TargetDeviceType %v, want %v", device, got, want)
		}
	}
}

// TestClientProfileHoldsNoPassphrase: anyone who sees the profile would have the
// key.
func TestClientProfileHoldsNoPassphrase(t *testing.T) {
	b := fixedBundle(t, "client")
	data := profiles(t)["client"]
	top, payloads := readProfile(t, data)
	if len(payloads) != 2 || payloads[0]["PayloadType"] != "com.apple.security.pkcs12" || payloads[1]["PayloadType"] != "com.apple.security.root" {
		t.Fatal("payloads are not the identity and the root")
	}
	if _, found := payloads[0]["Password"]; found || bytes.Contains(data, []byte(b.P12.Passphrase)) {
		t.Error("profile has the passphrase")
	}
	_, leaf, _, err := pkcs12.DecodeChain(payloads[0]["PayloadContent"].([]byte), b.P12.Passphrase)
	if err != nil || !leaf.Equal(b.Leaf) {
		t.Errorf("identity: %v", err)
	}
	if top["PayloadDisplayName"] != fixedLabel {
		t.Errorf("display name: got %v, want %v", top["PayloadDisplayName"], fixedLabel)
	}
}

// TestWiFiUsesTheIdentityAndTheRoot: with the identity of the profile, and only if
// the server has that name and is of this root.
func TestWiFiUsesTheIdentityAndTheRoot(t *testing.T) {
	_, payloads := readProfile(t, profiles(t)["client with wifi"])
	byType := map[string]map[string]any{}
	for _, p := range payloads {
		byType[p["PayloadType"].(string)] = p
	}
	wifi := byType["com.apple.wifi.managed"]
	if wifi["SSID_STR"] != "Home & <garden>" || wifi["PayloadCertificateUUID"] != byType["com.apple.security.pkcs12"]["PayloadUUID"] {
		t.Errorf("got %v", wifi)
	}
	eap := wifi["EAPClientConfiguration"].(map[string]any)
	for key, want := range map[string]any{
		"AcceptEAPTypes": uint64(13), "TLSTrustedServerNames": "radius.home.arpa", "PayloadCertificateAnchorUUID": byType["com.apple.security.root"]["PayloadUUID"],
	} {
		if got := eap[key].([]any); len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want only %v", key, got, want)
		}
	}
}

func TestSSIDsThatAreRefused(t *testing.T) {
	for ssid, want := range map[string]string{
		"": "is empty", strings.Repeat("x", 33): "has 33 bytes; at most 32", "a\xff": "not valid UTF-8", "a\nb": "control", "a\u202eb": "invisible",
		"Home": "", strings.Repeat("ü", 16): "", " Home ": "",
	} {
		if err := CheckSSID(ssid); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", ssid, err, want)
		}
	}
}

func TestWebClipsOpenTheirPages(t *testing.T) {
	_, payloads := readProfile(t, profiles(t)["ca with clips"])
	for i, clip := range clips {
		p := payloads[i+1]
		if p["Label"] != clip.Label || p["URL"] != clip.URL || p["FullScreen"] != true || p["IsRemovable"] != true {
			t.Errorf("clip %v: got %v", clip, p)
		}
		icon, err := png.DecodeConfig(bytes.NewReader(p["Icon"].([]byte)))
		if err != nil || icon.Width != icon.Height || icon.Width > 400 {
			t.Errorf("icon: %dx%d, %v", icon.Width, icon.Height, err)
		}
	}
}
