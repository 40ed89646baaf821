package onboard

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/testpki"
)

// everyPath are the paths of the plain port below the random one.
var everyPath = []string{
	"", "/", "/iphone", "/ipad", "/android", "/samsung", "/mac", "/windows", "/linux", "/icon.svg",
	"/picoca-root.crt", "/picoca-root.pem", "/picoca-root.mobileconfig",
}

func TestThePageServesThesePathsAndNoOthers(t *testing.T) {
	v := serve(t, nil)
	want := map[string]bool{}
	for _, path := range everyPath {
		want[v.base()+path] = true
	}
	for path := range v.pageHandler().paths {
		if !want[path] {
			t.Errorf("unexpected path %s", path)
		}
	}
	for path := range want {
		if response, _ := v.get(v.client(false), "http://"+v.pageHost()+path, ""); response.StatusCode != http.StatusOK {
			t.Errorf("%s: got %s", path, response.Status)
		}
	}
}

func TestEveryAnswerHasTheSafeHeaders(t *testing.T) {
	v := serve(t, func(c *Config) { c.Identity = newIdentity("a", "a") })
	trusting := v.client(true)
	urls := []string{v.checkURL(), v.proofURL(), v.checkURL() + "/nothing", "http://" + v.pageHost() + "/", "http://" + v.pageHost() + "/favicon.ico", "https://" + v.checkHost() + v.p12Path()}
	for _, path := range everyPath {
		urls = append(urls, v.URL()+path)
	}
	for _, u := range urls {
		request, _ := http.NewRequest(http.MethodHead, u, nil)
		response, _ := v.do(trusting, request)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff",
			"X-Frame-Options":        "DENY",
			"Cache-Control":          "no-store",
			"Referrer-Policy":        "no-referrer",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", u, name, got, want)
			}
		}
		policy := response.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q lacks %q", u, policy, want)
			}
		}
		if strings.Contains(policy, "script-src") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: policy %q allows too much", u, policy)
		}
		for _, name := range []string{"Server", "Set-Cookie", "Strict-Transport-Security", "Access-Control-Allow-Origin"} {
			if got := response.Header.Get(name); got != "" {
				t.Errorf("%s: has %s: %s", u, name, got)
			}
		}
	}
}

func TestThePolicyAllowsTheStyleThatThePageHas(t *testing.T) {
	v := serve(t, impatient)
	for u, client := range map[string]*http.Client{v.URL(): v.client(false), v.checkURL(): v.client(true)} {
		response, body := v.get(client, u, iPhoneSafari)
		match := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)
		if match == nil {
			t.Fatalf("%s has no style", u)
		}
		sum := sha256.Sum256([]byte(match[1]))
		want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		if got := response.Header.Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("%s: policy %q lacks %q", u, got, want)
		}
	}
}

func TestThePageNeedsNothingFromOutsideAndNoScript(t *testing.T) {
	v := serve(t, nil)
	for _, path := range everyPath[:9] {
		_, body := v.get(v.client(false), v.URL()+path, "")
		for _, bad := range []string{"<script", "javascript:", "onclick", "@import", "url(", "<iframe", "<form"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
		for _, match := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(body, -1) {
			if !strings.HasPrefix(match[1], v.base()) && match[1] != v.checkURL() {
				t.Errorf("%s leads to %s", path, match[1])
			}
		}
		for key := range v.languages[0].Words {
			if strings.Contains(key, ".") && strings.Contains(body, ">"+key+"<") {
				t.Errorf("%s shows the key %q: its word is missing", path, key)
			}
		}
		if regexp.MustCompile(`\{[a-z]+\}`).MatchString(body[strings.Index(body, "</style>"):]) {
			t.Errorf("%s shows a place that nothing filled", path)
		}
		if !strings.HasSuffix(body, "</html>\n") {
			t.Errorf("%s is cut off", path)
		}
	}
}

func TestPageAndAllItNeedsWeighUnder30KB(t *testing.T) {
	v := serve(t, nil)
	for _, path := range everyPath[:9] {
		_, page := v.get(v.client(false), v.URL()+path, "")
		if total := len(page) + len(iconSVG); total >= 30_000 {
			t.Errorf("%s weighs %d bytes with its icon", path, total)
		}
	}
}

func TestFilesHaveTheTypeAndNameThatPhonesWant(t *testing.T) {
	v := serve(t, nil)
	tests := []struct {
		file, contentType, disposition string
		want                           []byte
	}{
		{"picoca-root.crt", "application/x-x509-ca-cert", "attachment; filename=picoca-root.crt", v.root.Raw},
		{"picoca-root.pem", "application/x-pem-file", "attachment; filename=picoca-root.pem", nil},
		{"picoca-root.mobileconfig", "application/x-apple-aspen-config", "", v.profile()},
	}
	for _, test := range tests {
		response, body := v.get(v.client(false), v.URL()+"/"+test.file, iPhoneSafari)
		if got := response.Header.Get("Content-Type"); got != test.contentType {
			t.Errorf("%s: got type %q, want %q", test.file, got, test.contentType)
		}
		if got := response.Header.Get("Content-Disposition"); got != test.disposition {
			t.Errorf("%s: got disposition %q, want %q", test.file, got, test.disposition)
		}
		if test.want != nil && !bytes.Equal([]byte(body), test.want) {
			t.Errorf("%s: the bytes are not those of the offer", test.file)
		}
	}
	_, body := v.get(v.client(false), v.URL()+"/picoca-root.pem", "")
	block, rest := pem.Decode([]byte(body))
	if block == nil || block.Type != "CERTIFICATE" || !bytes.Equal(block.Bytes, v.root.Raw) || len(rest) != 0 {
		t.Errorf("picoca-root.pem is not the root: %q", body)
	}
	if e := v.waitFor(Downloaded); e.File != "picoca-root.crt" || e.Device != IPhone || e.Address.String() != "127.0.0.1" {
		t.Errorf("got %+v", e)
	}
}

func TestThePageShowsTheRootAndItsSteps(t *testing.T) {
	v := serve(t, nil)
	tests := []struct {
		userAgent, path string
		want            []string
	}{
		{iPhoneSafari, "", []string{"on this iPhone", "Certificate Trust Settings", "/picoca-root.mobileconfig"}},
		{iPhoneSafari, "/android", []string{"on this Android device", "Install anyway", "/picoca-root.crt"}},
		{androidChrome, "/", []string{"on this Android device", "CA certificate", "/picoca-root.crt"}},
		{macSafari, "/mac", []string{"on this Mac", "Is this an iPad?", "Keychain Access"}},
		{androidChrome, "/android", []string{"Is this a Samsung?", `/samsung">`}},
		{samsungInternet, "", []string{"on this Samsung device", "Install from phone storage", "View security certificates", "/picoca-root.crt"}},
		{macSafari, "/ipad", []string{"on this iPad", "Certificate Trust Settings", "/picoca-root.mobileconfig"}},
		{"", "/windows", []string{"on this Windows PC", "certutil -hashfile", "/picoca-root.crt"}},
		{"", "/linux", []string{"on this Linux computer", "update-ca-certificates", "/picoca-root.pem"}},
	}
	fingerprint := ca.Fingerprint(v.root)
	for _, test := range tests {
		_, body := v.get(v.client(false), v.URL()+test.path, test.userAgent)
		text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(body, "")
		if !strings.Contains(text, fingerprint) {
			t.Errorf("%s: the fingerprint is missing, or in pieces", test.path)
		}
		everywhere := []string{`href="` + v.checkURL() + `"`, ".local, .home.arpa, .internal, .lan", "It cannot vouch for websites or e-mail addresses on the internet.", v.root.NotAfter.Format("2006-01-02"), `lang="en"`}
		for _, want := range append(test.want, everywhere...) {
			if !strings.Contains(body, want) {
				t.Errorf("%s: lacks %q", test.path, want)
			}
		}
	}
}

func TestAnUnknownDeviceMayChoose(t *testing.T) {
	v := serve(t, nil)
	_, body := v.get(v.client(false), v.URL(), "curl/8")
	for _, path := range everyPath[2:9] {
		if !strings.Contains(body, `href="`+v.base()+path+`"`) {
			t.Errorf("no link to %s", path)
		}
	}
}

func TestAnIPadThatClaimsToBeAMacIsBelieved(t *testing.T) {
	v := serve(t, nil)
	client := v.client(true)
	v.get(client, v.URL(), macSafari)
	v.get(client, v.URL()+"/ipad", macSafari)
	_, body := v.get(client, v.URL(), macSafari)
	if !strings.Contains(body, "on this iPad") {
		t.Error("the page forgot that the visitor picked an iPad")
	}
	if _, body := v.get(client, v.URL()+"/mac", macSafari); !strings.Contains(body, "on this Mac") {
		t.Error("the page does not let the visitor pick a Mac again")
	}
}

func TestLookingAtAnotherDeviceDoesNotMakeItOne(t *testing.T) {
	v := serve(t, nil)
	v.get(v.client(false), v.URL()+"/linux", iPhoneSafari)
	if e := v.waitFor(Opened); e.Device != IPhone {
		t.Errorf("got %+v, want an iPhone", e)
	}
}

func TestFirefoxOnIOSIsSentToSafari(t *testing.T) {
	v := serve(t, nil)
	const firefox = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15"
	for userAgent, want := range map[string]bool{firefox: true, iPhoneSafari: false} {
		_, body := v.get(v.client(false), v.URL(), userAgent)
		if got := strings.Contains(body, `<code class="copy">`+v.URL()+"</code>"); got != want {
			t.Errorf("%s: link to copy: got %t, want %t", userAgent, got, want)
		}
	}
	const disguised = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:138.0) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/138.0 Safari/605.1.15"
	for path, want := range map[string]string{"": "on this iPad", "/ipad": "on this iPad", "/iphone": "on this iPhone"} {
		_, body := v.get(v.client(false), v.URL()+path, disguised)
		if !strings.Contains(body, "class=\"copy\"") || !strings.Contains(body, want) {
			t.Errorf("%q: Firefox on an iPad that claims to be a Mac gets no link for Safari, or not the words %q", path, want)
		}
	}
	if _, body := v.get(v.client(false), v.URL()+"/linux", firefox); strings.Contains(body, "class=\"copy\"") {
		t.Error("the page for another device sends its reader to Safari")
	}
}

func TestARootWithoutLimitsGetsAWarning(t *testing.T) {
	h := newHome(t, func(c *x509.Certificate) { c.PermittedDNSDomains, c.PermittedIPRanges = nil, nil })
	v := serve(t, func(c *Config) {
		c.Roots, c.Profile, c.Check, c.Proof = []*x509.Certificate{h.root}, h.profile(), h.leaf("127.0.0.1"), h.leaf("127.0.0.1")
	})
	_, body := v.get(v.client(false), v.URL(), iPhoneSafari)
	if !strings.Contains(body, "can vouch for any website") || strings.Contains(body, "cannot vouch") {
		t.Error("the page does not warn of a root without limits")
	}
}

func TestANameCannotBecomeMarkup(t *testing.T) {
	const name = `<script>alert("1")</script> & *bold*`
	h := newHome(t, func(c *x509.Certificate) { c.Subject.CommonName = name })
	v := serve(t, func(c *Config) {
		c.Roots, c.Profile, c.Check, c.Proof = []*x509.Certificate{h.root}, h.profile(), h.leaf("127.0.0.1"), h.leaf("127.0.0.1")
		c.Devices = []Link{{name, "https://pico.local/\"><script>"}}
		impatient(c)
	})
	v.home = h
	_, page := v.get(v.client(false), v.URL(), iPhoneSafari)
	_, check := v.get(v.client(true), v.checkURL(), iPhoneSafari)
	for _, body := range []string{page, check} {
		if strings.Contains(body, "<script") || strings.Contains(body, "<strong>bold") || !strings.Contains(body, "&lt;script&gt;") {
			t.Error("the name of the root is not plain text on the page")
		}
	}
}

func TestRefusals(t *testing.T) {
	v := serve(t, nil)
	path, host := v.base(), v.pageHost()
	tests := []struct {
		name, request string
		want          int
	}{
		{"no path", "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"a guessed path", "GET /aaaaaaaaaaaaa HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"upper case", "GET " + strings.ToUpper(path) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"traversal", "GET " + path + "/../../etc/passwd HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"traversal back to the page", "GET /x/.." + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"encoded traversal", "GET " + path + "/%2e%2e/root/key.pem HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"encoded slash", "GET " + path + "%2Ficon.svg HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"two slashes", "GET /" + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"a folder", "GET " + path + "/texts/ HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"a file of the store", "GET " + path + "/root/key.pem HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"the identity's place", "GET " + path + "/a.p12 HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"the proof, in clear", "GET " + path + "/proof.svg HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"a backslash", "GET " + path + "\\..\\ HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"a foreign Host", "GET " + path + " HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421},
		{"a foreign Host with our port", "GET " + path + " HTTP/1.1\r\nHost: evil.example" + host[strings.Index(host, ":"):] + "\r\n\r\n", 421},
		{"localhost", "GET " + path + " HTTP/1.1\r\nHost: localhost" + host[strings.Index(host, ":"):] + "\r\n\r\n", 421},
		{"the Host without its port", "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 421},
		{"an empty Host", "GET " + path + " HTTP/1.1\r\nHost: \r\n\r\n", 421},
		{"no Host", "GET " + path + " HTTP/1.1\r\n\r\n", 400},
		{"HTTP/1.0 without Host", "GET " + path + " HTTP/1.0\r\n\r\n", 421},
		{"a full address with a foreign host", "GET http://evil.example" + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 421},
		{"the right address in full", "GET http://" + host + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"half an address", "GET http:" + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 404},
		{"a proxy's request", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 421},
		{"POST", "POST " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 0\r\n\r\n", 405},
		{"PUT", "PUT " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 3\r\n\r\nabc", 405},
		{"DELETE", "DELETE " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 405},
		{"OPTIONS", "OPTIONS " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 405},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 405},
		{"TRACE", "TRACE " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 405},
		{"a made-up method", "BREW " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 405},
		{"HTTP/2 in clear", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 421},
		{"a body", "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 1000000\r\n\r\nx", 413},
		{"a body in chunks", "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", 413},
		{"two lengths", "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		{"a header of 100 KB", "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nX: " + strings.Repeat("x", 100_000) + "\r\n\r\n", 431},
		{"a path of 100 KB", "GET /" + strings.Repeat("x", 100_000) + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 431},
		{"nonsense", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			response, body := v.raw(test.request)
			if response.StatusCode != test.want {
				t.Errorf("got %s, want %d", response.Status, test.want)
			}
			if strings.Contains(body, "Home CA") || strings.Contains(body, v.token) || strings.Contains(body, "<a ") {
				t.Errorf("a refusal gives something away: %q", body)
			}
			if allow := response.Header.Get("Allow"); test.want == 405 && allow != "GET, HEAD" {
				t.Errorf("got Allow %q", allow)
			}
		})
	}
	// The table is worth nothing if the address itself were wrong.
	if response, _ := v.raw("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); response.StatusCode != 200 {
		t.Errorf("the right request got %s", response.Status)
	}
	if response, _ := v.raw("GET " + path + "?utm_source=x HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); response.StatusCode != 200 {
		t.Errorf("a QR reader's addition to the address got %s", response.Status)
	}
}

func TestHEADSaysTheSameWithoutABodyAndCountsForNothing(t *testing.T) {
	v := serve(t, func(c *Config) { c.Identity = newIdentity("a", "a") })
	trusting := v.client(true)
	name, a, end := v.proofs.begin(visitorA)
	defer end()
	for _, u := range []string{v.URL(), v.URL() + "/picoca-root.crt", v.checkURL(), v.proofURL() + "?" + name, "https://" + v.checkHost() + v.p12Path()} {
		request, _ := http.NewRequest(http.MethodHead, u, nil)
		if response, body := v.do(trusting, request); response.StatusCode != 200 || body != "" {
			t.Errorf("%s: got %s and %d bytes", u, response.Status, len(body))
		}
	}
	if v.taken.Load() {
		t.Error("HEAD used the identity up")
	}
	select {
	case <-a.proven:
		t.Error("HEAD proved trust")
	default:
	}
	v.get(v.client(false), v.URL(), "") // so that all events have come
	v.waitFor(Opened)
	if got := v.reported(); len(got) != 1 {
		t.Errorf("got %v, want only the last page", got)
	}
}

func TestTrustIsProvedByTheImage(t *testing.T) {
	v := serve(t, func(c *Config) { c.Devices = []Link{{"Kitchen clock", "https://pico.local/"}} })
	trusting := v.client(true)
	done := make(chan string)
	go func() {
		_, body := v.get(trusting, v.checkURL(), iPhoneSafari)
		done <- body
	}()
	v.waitFor(Checking)
	if v.count(Trusted) != 0 {
		t.Error("opening the check page counts as trust")
	}
	response, _ := v.get(trusting, v.proofURL()+"?"+v.anyVisit(), iPhoneSafari)
	if got := response.Header.Get("Content-Type"); got != "image/svg+xml" {
		t.Errorf("the image has type %q", got)
	}
	body := <-done
	if !strings.Contains(body, "Yes, it does") || !strings.Contains(body, `href="https://pico.local/"`) {
		t.Errorf("the verdict is not yes: %s", body)
	}
	if e := v.waitFor(Trusted); e.Device != IPhone || e.Address.String() != "127.0.0.1" || time.Since(e.Time) > time.Minute {
		t.Errorf("got %+v", e)
	}
}

// anyVisit returns the name of a visit that waits for its proof.
func (v *visit) anyVisit() string {
	v.proofs.mu.Lock()
	defer v.proofs.mu.Unlock()
	for name := range v.proofs.waiting {
		return name
	}
	v.t.Fatal("no visit waits for its proof")
	return ""
}

func TestWithoutTheImageThereIsNoTrust(t *testing.T) {
	v := serve(t, func(c *Config) { impatient(c); c.Identity = newIdentity("a", "a") })
	_, body := v.get(v.client(true), v.checkURL(), androidChrome) // fetches no images
	if strings.Contains(body, "Yes, it does") || !strings.Contains(body, "No, not yet") || !strings.HasSuffix(body, "</html>\n") {
		t.Errorf("the verdict is not no: %s", body)
	}
	if strings.Contains(body, v.identityToken) {
		t.Error("the check page names the identity's place without a proof")
	}
	if e := v.waitFor(Unproven); e.Device != Android || e.Reason != noImage {
		t.Errorf("got %+v", e)
	}
	if v.count(Trusted) != 0 {
		t.Error("reported trust without a proof")
	}
	if left := len(v.proofs.waiting); left != 0 {
		t.Errorf("%d visits are still waiting", left)
	}
}

func TestAProofIsValidForOneVisit(t *testing.T) {
	v := serve(t, nil)
	trusting := v.client(true)
	name, _, end := v.proofs.begin(visitorA)
	defer end()
	for _, test := range []struct {
		query string
		want  int
	}{{"", 404}, {"?", 404}, {"?" + strings.ToLower(name), 404}, {"?AAAAAAAAAAAAAAAAAAAAAAAAAA", 404}, {"?" + name, 200}, {"?" + name, 404}} {
		if response, _ := v.get(trusting, v.proofURL()+test.query, ""); response.StatusCode != test.want {
			t.Errorf("proof%s: got %s, want %d", test.query, response.Status, test.want)
		}
	}
	v.waitFor(Trusted)
	if got := v.count(Trusted); got != 1 {
		t.Errorf("reported trust %d times, want once", got)
	}
}

func TestTheProofHasAnotherCertificateThanTheCheck(t *testing.T) {
	v := serve(t, nil)
	var seen [][]byte
	for _, u := range []string{v.checkURL(), v.proofURL()} {
		request, _ := http.NewRequest(http.MethodHead, u, nil)
		response, _ := v.do(v.client(true), request)
		seen = append(seen, response.TLS.PeerCertificates[0].Raw)
	}
	if bytes.Equal(seen[0], seen[1]) {
		t.Error("check and proof show the same certificate")
	}
}

func TestAClientThatRefusesTheCertificateIsReportedOnce(t *testing.T) {
	v := serve(t, nil)
	v.get(v.client(false), v.URL(), iPhoneSafari)
	for range 3 {
		if _, err := v.client(false).Get(v.checkURL()); err == nil {
			t.Fatal("a client without the root opened the check page")
		}
	}
	if e := v.waitFor(Distrusted); e.Device != IPhone || e.Address.String() != "127.0.0.1" {
		t.Errorf("got %+v, want the iPhone that opened the page", e)
	}
	if got := v.count(Distrusted); got != 1 {
		t.Errorf("got %d times, want once", got)
	}
}

func TestTheIdentityIsServedOnceAndOnlyAfterTheProof(t *testing.T) {
	p12 := form{"kitchen-tablet.p12", "application/x-pkcs12", "attachment; filename=kitchen-tablet.p12", "p12-bytes"}
	profile := form{"kitchen-tablet.mobileconfig", "application/x-apple-aspen-config", "", "profile-bytes"}
	phone := form{"kitchen-tablet.mobileconfig", "application/x-apple-aspen-config", "", "phone-bytes"}
	checkIdentity(t, iPhoneSafari, phone, phone, p12)
	checkIdentity(t, iPhoneSafari, p12, phone, p12)
	checkIdentity(t, macSafari, profile, profile, p12) // an iPad says the same
	checkIdentity(t, androidChrome, p12, p12)
	checkIdentity(t, "", p12, p12)
}

// form is one form of the identity, as it arrives.
type form struct{ name, mime, disposition, data string }

// checkIdentity takes one form of a new server's identity, and then none. Only
// the forms in offers are on the page.
func checkIdentity(t *testing.T, userAgent string, take form, offers ...form) {
	t.Helper()
	v := serve(t, func(c *Config) { c.Identity = newIdentity("kitchen-tablet", "kitchen-tablet") })
	trusting := v.client(true)
	path := v.base() + "/" + v.identityToken + "/"
	names := []string{"kitchen-tablet.p12", "kitchen-tablet.mobileconfig"}
	for _, name := range names {
		for _, u := range []string{v.URL(), v.URL() + "/" + name, "http://" + v.pageHost() + path + name, v.checkURL() + "/" + name, "https://" + v.proofHost() + path + name} {
			response, body := v.get(trusting, u, userAgent)
			if strings.Contains(body, "-bytes") || strings.Contains(body, v.identityToken) {
				t.Errorf("%s (%s) gives the identity away", u, response.Status)
			}
		}
	}
	body := v.proveAs(trusting, userAgent)
	if strings.Count(body, `href="`+path) != len(offers) || strings.Contains(body, "You can close this page") {
		t.Errorf("%q: want %d forms, and an open page: %s", userAgent, len(offers), body)
	}
	for _, offer := range offers {
		if !strings.Contains(body, `href="`+path+offer.name+`"`) {
			t.Fatalf("%q: the verdict does not offer %s: %s", userAgent, offer.name, body)
		}
	}
	response, got := v.get(trusting, "https://"+v.checkHost()+path+take.name, userAgent)
	header := response.Header
	if got != take.data || header.Get("Content-Type") != take.mime || header.Get("Content-Disposition") != take.disposition {
		t.Errorf("%s: got %q, %v", take.name, got, header)
	}
	if e := v.waitFor(Delivered); e.File != take.name {
		t.Errorf("got %+v, want %s", e, take.name)
	}
	for _, name := range names {
		response, got = v.get(trusting, "https://"+v.checkHost()+path+name, userAgent)
		if response.StatusCode != http.StatusGone || strings.Contains(got, "-bytes") {
			t.Errorf("%s, the second time: got %s", name, response.Status)
		}
	}
	if body := v.proveAs(trusting, userAgent); strings.Contains(body, v.identityToken) || !strings.Contains(body, "You can close this page") {
		t.Error("the verdict offers an identity that is gone, or does not let the reader go")
	}
}

// Apple's systems get another form as a link below it.
func TestTheButtonIsWhatTheSystemTakes(t *testing.T) {
	id := newIdentity("tablet", "tablet")
	for platform, want := range map[Platform]string{
		IPhone: "tablet.mobileconfig", IPad: "tablet.mobileconfig", Mac: "tablet.mobileconfig",
		Android: "tablet.p12", Samsung: "tablet.p12", Windows: "tablet.p12", Linux: "tablet.p12", "": "tablet.p12",
	} {
		if got := id.main(platform).name; got != want {
			t.Errorf("%q: got %s, want %s", platform, got, want)
		}
	}
}

// prove visits the check page as a browser that trusts, and returns the page.
func (v *visit) prove(client *http.Client) string { return v.proveAs(client, iPhoneSafari) }

func (v *visit) proveAs(client *http.Client, userAgent string) string {
	v.t.Helper()
	done := make(chan string, 1)
	go func() {
		_, body := v.get(client, v.checkURL(), userAgent)
		done <- body
	}()
	for end := time.Now().Add(slowest); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		v.proofs.mu.Lock()
		waiting := len(v.proofs.waiting)
		v.proofs.mu.Unlock()
		if waiting > 0 {
			v.get(client, v.proofURL()+"?"+v.anyVisit(), userAgent)
			return <-done
		}
	}
	v.t.Fatal("the check page does not wait for its proof")
	return ""
}

func TestRejectionsAreReportedWithoutWhatTheVisitorWrote(t *testing.T) {
	v := serve(t, nil)
	v.raw("GET /\x1b[31m HTTP/1.1\r\nHost: " + v.pageHost() + "\r\n\r\n") // net/http refuses it itself
	for range 50 {
		v.raw("GET /" + url.PathEscape("\x1b[2J") + " HTTP/1.1\r\nHost: " + v.pageHost() + "\r\nUser-Agent: \x1b[31m\r\n\r\n")
		v.raw("GET /%1b%5b2J HTTP/1.1\r\nHost: " + v.pageHost() + "\r\nUser-Agent: %1b\r\n\r\n")
	}
	v.waitFor(Rejected)
	if got := v.count(Rejected); got != 1 {
		t.Errorf("got %d rejections in a second, want one", got)
	}
	for _, e := range v.reported() {
		if strings.ContainsAny(e.String(), "\x1b%[") {
			t.Errorf("the event %q holds what a visitor wrote", e)
		}
	}
}

func TestABrowsersOwnRequestsAreNotReported(t *testing.T) {
	v := serve(t, nil)
	for _, path := range []string{"/favicon.ico", "/apple-touch-icon.png", "/apple-touch-icon-precomposed.png", "/robots.txt", "/.well-known/appspecific/com.chrome.devtools.json"} {
		if response, _ := v.get(v.client(false), "http://"+v.pageHost()+path, ""); response.StatusCode != 404 {
			t.Errorf("%s: got %s", path, response.Status)
		}
	}
	v.get(v.client(false), v.URL(), "")
	v.waitFor(Opened)
	if got := v.count(Rejected); got != 0 {
		t.Errorf("got %d rejections", got)
	}
}

// serveTwo serves a root and another one of the same owner.
func serveTwo(t *testing.T, change func(*Config)) (*visit, home) {
	t.Helper()
	other := newHome(t, func(c *x509.Certificate) { c.Subject.CommonName = "Home CA 9XYZ" })
	v := serve(t, func(c *Config) {
		c.Roots = append(c.Roots, other.root)
		c.Profile = append(c.Profile, other.profile()...)
		if change != nil {
			change(c)
		}
	})
	return v, other
}

func TestTwoRootsAreComparedAndDownloadedEach(t *testing.T) {
	v, other := serveTwo(t, nil)
	if _, body := v.get(v.client(false), v.URL(), ""); strings.Count(body, "<figure>") != 2 || strings.Contains(body, "/picoca-root") {
		t.Errorf("the page for an unknown device does not show two fingerprints, or has downloads: %s", body)
	}
	tags := regexp.MustCompile(`<[^>]*>`)
	for path, files := range map[string][]string{
		"/iphone": {"picoca-root.mobileconfig"}, "/ipad": {"picoca-root.mobileconfig"},
		"/android": {"picoca-root.crt", "picoca-root-2.crt"}, "/samsung": {"picoca-root.crt", "picoca-root-2.crt"},
		"/mac": {"picoca-root.crt", "picoca-root-2.crt"}, "/windows": {"picoca-root.crt", "picoca-root-2.crt"},
		"/linux": {"picoca-root.pem", "picoca-root-2.pem"},
	} {
		_, body := v.get(v.client(false), v.URL()+path, "")
		text := tags.ReplaceAllString(body, "")
		for _, cert := range []*x509.Certificate{v.root, other.root} {
			if !strings.Contains(text, ca.Fingerprint(cert)) {
				t.Errorf("%s lacks the fingerprint of %s", path, cert.Subject.CommonName)
			}
		}
		if got := strings.Count(body, `href="`+v.base()+"/picoca-root"); got != len(files) {
			t.Errorf("%s has %d downloads, want %q", path, got, files)
		}
		for _, file := range files {
			if !strings.Contains(body, `href="`+v.base()+"/"+file+`"`) {
				t.Errorf("%s lacks %s", path, file)
			}
		}
		if again := strings.Contains(text, "Do the same"); !again {
			t.Errorf("%s does not repeat the steps", path)
		}
	}
	for file, want := range map[string]*x509.Certificate{"picoca-root.crt": v.root, "picoca-root-2.crt": other.root} {
		if _, body := v.get(v.client(false), v.URL()+"/"+file, ""); body != string(want.Raw) {
			t.Errorf("%s is not %s", file, want.Subject.CommonName)
		}
	}
	if body := v.prove(v.client(true)); !strings.Contains(body, "This check did not cover Home\u00a0CA\u00a09XYZ") {
		t.Errorf("the verdict claims too much: %s", body)
	}
}

func TestOneRootIsNotSpokenOfAsMany(t *testing.T) {
	v := serve(t, nil)
	for _, path := range everyPath[:9] {
		_, body := v.get(v.client(false), v.URL()+path, "")
		if strings.Contains(body, "Do the same") || strings.Contains(body, "certificates to trust") {
			t.Errorf("%s speaks of several roots", path)
		}
	}
	if body := v.prove(v.client(true)); strings.Contains(body, "did not cover") || !strings.Contains(body, "You can close this page") {
		t.Errorf("the verdict speaks of another root: %s", body)
	}
}

// TestThePageShowsARootWithoutAddresses: an earlier one of init --only, beside one
// that vouches for the page itself.
func TestThePageShowsARootWithoutAddresses(t *testing.T) {
	h := newHome(t, nil)
	narrow := newHome(t, func(c *x509.Certificate) {
		c.PermittedIPRanges, c.ExcludedIPRanges = nil, testpki.Ranges(t, "0.0.0.0/0", "::/0")
	})
	v := serve(t, func(c *Config) {
		c.Roots, c.Profile, c.Check, c.Proof = []*x509.Certificate{h.root, narrow.root}, append(h.profile(), narrow.profile()...), h.leaf("127.0.0.1"), h.leaf("127.0.0.1")
	})
	_, body := v.get(v.client(false), v.URL(), iPhoneSafari)
	if !strings.Contains(body, "no IP address") || strings.Contains(body, "any IP address") {
		t.Errorf("the page does not say that a root vouches for no address: %s", body)
	}
}

func TestThePageClaimsWhatTheCertificateSays(t *testing.T) {
	for _, test := range []struct {
		name     string
		change   func(*x509.Certificate)
		has, not []string
	}{
		{"a new root", nil,
			[]string{"IP addresses of home networks", "e-mail addresses at home.arpa", "cannot vouch for websites or e-mail addresses on the internet. Browsers enforce"}, nil},
		{"without e-mail constraints", func(c *x509.Certificate) { c.PermittedEmailAddresses = nil },
			[]string{"any e-mail address", "cannot vouch for websites on the internet."}, []string{"or e-mail addresses"}},
		{"without address constraints", func(c *x509.Certificate) { c.PermittedIPRanges = nil },
			[]string{"any IP address", "cannot vouch for the name of a website on the internet."}, []string{"home networks", "cannot vouch for websites"}},
		{"with the owner's domain", func(c *x509.Certificate) { c.PermittedDNSDomains = append(c.PermittedDNSDomains, "example.org") },
			[]string{".lan, localhost, .example.org", "cannot vouch for any other website."}, []string{"on the internet"}},
		{"with a public range", func(c *x509.Certificate) { c.PermittedIPRanges = testpki.Ranges(t, "203.0.113.0/24", "fc00::/7") },
			[]string{"the IP addresses 203.0.113.0/24, fc00::/7", "cannot vouch for the name of a website on the internet."}, []string{"home networks"}},
		{"without any", func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedIPRanges, c.PermittedEmailAddresses = nil, nil, nil
		}, []string{"any name on the internet", "can vouch for any website"}, []string{"cannot vouch", "enforce"}},
	} {
		h := newHome(t, test.change)
		if test.name == "with a public range" {
			h = newHome(t, func(c *x509.Certificate) {
				test.change(c)
				c.PermittedIPRanges = append(c.PermittedIPRanges, testpki.Ranges(t, "127.0.0.0/8")...)
			})
		}
		v := serve(t, func(c *Config) {
			c.Roots, c.Profile, c.Check, c.Proof = []*x509.Certificate{h.root}, h.profile(), h.leaf("127.0.0.1"), h.leaf("127.0.0.1")
		})
		_, body := v.get(v.client(false), v.URL(), iPhoneSafari)
		for _, want := range test.has {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %q", test.name, want)
			}
		}
		for _, bad := range test.not {
			if strings.Contains(body, bad) {
				t.Errorf("%s: the page says %q", test.name, bad)
			}
		}
	}
}

// A browser that was taken past the warning for the check page, and refuses the
// proof's certificate meanwhile, is known not to trust.
func TestAWarningTappedAwayIsReportedAsSuch(t *testing.T) {
	v := serve(t, nil)
	careless := v.client(true)
	done := make(chan string, 1)
	go func() {
		_, body := v.get(careless, v.checkURL(), iPhoneSafari)
		done <- body
	}()
	v.waitFor(Checking)
	if _, err := v.client(false).Get(v.proofURL()); err == nil {
		t.Fatal("a client without the root fetched the proof")
	}
	if body := <-done; !strings.Contains(body, "then refused a second certificate") {
		t.Errorf("the verdict does not say so: %s", body)
	}
	if e := v.waitFor(Unproven); e.Reason != pastWarning {
		t.Errorf("got %+v, want %q", e, pastWarning)
	}
	if got := v.count(Distrusted); got != 0 {
		t.Errorf("reported as refused %d times besides", got)
	}
}

func TestAnIdentityForAnIPhoneIsForSafari(t *testing.T) {
	for userAgent, want := range map[string][2]bool{iPhoneSafari: {true, true}, macSafari: {false, true}, androidChrome: {false, false}, "": {false, false}} {
		v := serve(t, func(c *Config) { c.Identity = newIdentity("Kitchen tablet", "kitchen-tablet") })
		body := v.proveAs(v.client(true), userAgent)
		got := [2]bool{strings.Contains(body, "Only Safari uses it"), strings.Contains(body, "For Firefox, or an app that imports .p12 files")}
		if got != want || !strings.Contains(body, "Download Kitchen tablet") {
			t.Errorf("%q: got %v, want %v: %s", userAgent, got, want, body)
		}
	}
}
