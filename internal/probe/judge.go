package probe

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/fault"
)

// judged is what a server showed, parsed.
type judged struct {
	*visit
	leaf *x509.Certificate
	rest []*x509.Certificate
	// root is the one of the CA that the leaf leads to, by the intermediates in
	// via; nil for another CA's.
	root  *Root
	via   []*x509.Certificate
	known Known
	// issued reports whether the CA knows the leaf.
	issued bool
}

// judge holds what the server showed against what the CA expects.
func (v *visit) judge(s seen) {
	certs, err := parseChain(s.raw)
	if err != nil {
		v.r.find("damaged", v.push(), "it cannot be read: %s", plain(err.Error()))
		return
	}
	j := &judged{visit: v, leaf: certs[0], rest: certs[1:]}
	v.r.Leaf = j.leaf
	v.describe(certs)
	if v.e.Known != nil {
		j.known, j.issued = v.e.Known(j.leaf)
	}
	if v.e.Predict != nil {
		v.r.Prediction = v.e.Predict(j.leaf)
	}
	v.r.IsNewest = v.e.Newest != nil && j.leaf.Equal(v.e.Newest)
	j.findRoot()
	v.r.Ours = j.root != nil
	v.steps(s)
	for _, check := range j.checks() {
		check(j)
	}
}

// recognise learns from the certificate which device of the CA this is, if its
// name does not say so.
func (v *visit) recognise(raw [][]byte) {
	if v.e.Holder != "" || v.e.Of == nil || v.e.Known == nil || len(raw) == 0 {
		return
	}
	leaf, err := x509.ParseCertificate(raw[0])
	if err != nil {
		return
	}
	if known, ok := v.e.Known(leaf); ok {
		v.e = v.e.Of(known.Holder)
	}
}

func parseChain(raw [][]byte) ([]*x509.Certificate, error) {
	all := make([]*x509.Certificate, len(raw))
	for i, der := range raw {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		all[i] = cert
	}
	return all, nil
}

// describe notes what the chain is made of. In TLS 1.2 the message has three
// bytes for its length, and three for each certificate's (RFC 5246 section
// 7.4.2).
func (v *visit) describe(certs []*x509.Certificate) {
	v.r.ChainBytes = 3
	for _, cert := range certs {
		v.r.ChainBytes += 3 + len(cert.Raw)
		v.r.Chain = append(v.r.Chain, Link{nameOf(cert.Subject.CommonName, cert.Subject.String()), nameOf(cert.Issuer.CommonName, cert.Issuer.String()), len(cert.Raw)})
	}
}

func nameOf(common, all string) string {
	return plain(cmp.Or(common, all, "(no name)"))
}

// plain keeps what a stranger's certificate says to one line, and to a length
// that people read.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > maxText {
		return string(runes[:maxText]) + "…"
	}
	return text
}

const maxText = 120

// steps notes what TLS and the certificate are.
func (v *visit) steps(s seen) {
	text := v.r.Version + ", " + v.r.Suite
	if v.r.Version == "" {
		text = "handshake not completed"
	}
	v.r.step(StepTLS, text, s.took)
	size := fmt.Sprintf("%d bytes", len(v.r.Leaf.Raw))
	if n := len(v.r.Chain); n > 1 {
		size = fmt.Sprintf("chain of %d, %d bytes", n, v.r.ChainBytes)
	}
	parts := []string{size, "by " + v.r.Chain[0].Issuer}
	if v.r.IsNewest {
		parts = append(parts, "the newest")
	}
	parts = append(parts, daysLeft(v.began, v.r.Leaf.NotAfter))
	v.r.step(StepCertificate, strings.Join(parts, ", "), 0)
	if v.r.Client != "" {
		v.r.step(StepClient, map[Demand]string{NotAsked: "not asked for", Optional: "optional", Required: "required"}[v.r.Client], 0)
	}
}

func daysLeft(now, end time.Time) string {
	switch left := Days(now, end); {
	case end.Before(now):
		return "expired"
	case left == 1:
		return "1 day left"
	default:
		return fmt.Sprintf("%d days left", left)
	}
}

// Days counts the whole days from one time to another, rounded down: it is negative as
// soon as the other is before it. A time.Duration ends after 292 years, and a
// stranger's certificate may not.
func Days(from, to time.Time) int64 {
	const day = 24 * 60 * 60
	seconds := to.Unix() - from.Unix()
	if to.Nanosecond() < from.Nanosecond() {
		seconds--
	}
	days := seconds / day
	if seconds%day < 0 {
		days--
	}
	return days
}

// findRoot finds the root of the CA that the leaf leads to.
func (j *judged) findRoot() {
	between := slices.Concat(j.rest, j.e.Intermediates)
	signer := j.leaf
	for range 4 { // more than any chain of a home has
		if root := j.rootOf(signer); root != nil {
			j.root = root
			return
		}
		next := slices.IndexFunc(between, func(c *x509.Certificate) bool {
			return c.IsCA && !isSelfSigned(c) && signer.CheckSignatureFrom(c) == nil
		})
		if next < 0 {
			return
		}
		signer = between[next]
		j.via = append(j.via, signer)
	}
}

func (j *judged) rootOf(cert *x509.Certificate) *Root {
	for i, root := range j.e.Roots {
		if ca.VerifyIssued(cert, root.Certificate) == nil || cert.CheckSignatureFrom(root.Certificate) == nil {
			return &j.e.Roots[i]
		}
	}
	return nil
}

func isSelfSigned(cert *x509.Certificate) bool {
	return slices.Equal(cert.RawSubject, cert.RawIssuer) && cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// checks are what is asked of a certificate: less of one that must be replaced
// whole.
func (j *judged) checks() []func(*judged) {
	dates := []func(*judged){(*judged).dates, (*judged).names}
	speed := []func(*judged){(*judged).speed}
	switch {
	case j.root == nil && !j.isPublic():
		return slices.Concat([]func(*judged){(*judged).stranger}, dates, speed)
	case j.root == nil:
		return slices.Concat([]func(*judged){(*judged).public}, dates, speed)
	}
	return slices.Concat([]func(*judged){
		(*judged).missing, (*judged).revoked, (*judged).rootState, (*judged).newest,
	}, dates, []func(*judged){
		(*judged).purpose, (*judged).life, (*judged).strength, (*judged).chain, (*judged).rootIncluded, (*judged).addresses,
	}, speed)
}

// isPublic reports whether a public CA vouches for the leaf.
func (j *judged) isPublic() bool {
	_, err := j.leaf.Verify(x509.VerifyOptions{Roots: j.e.System, Intermediates: pool(j.rest), CurrentTime: inLife(j.leaf, j.began)})
	return err == nil
}

func pool(certs []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, cert := range certs {
		p.AddCert(cert)
	}
	return p
}

// inLife returns now, or the end of a certificate's life that is nearest: dates
// are a check of their own.
func inLife(cert *x509.Certificate, now time.Time) time.Time {
	switch {
	case now.Before(cert.NotBefore):
		return cert.NotBefore
	case now.After(cert.NotAfter):
		return cert.NotAfter
	}
	return now
}

// public is for a public CA's certificate where the CA has issued one.
func (j *judged) public() {
	if j.e.Holder != "" {
		j.r.find("foreign-ca", j.push(), "it is by %s, which is a public CA", j.r.Chain[0].Issuer)
	}
}

// stranger is for a certificate that leads to no root that is known.
func (j *judged) stranger() {
	switch {
	case isSelfSigned(j.leaf):
		j.r.find("self-signed", j.push(), "the device made it itself, as %s", j.r.Chain[0].Subject)
	case j.namesOurRoot():
		j.r.find("damaged", j.push(), "it names the root %s, which did not sign it", j.r.Chain[0].Issuer)
	default:
		j.r.find("foreign-ca", j.push(), "it is by %s", j.r.Chain[len(j.r.Chain)-1].Issuer)
	}
}

// namesOurRoot reports whether the leaf says that a root of the CA signed it.
func (j *judged) namesOurRoot() bool {
	return slices.ContainsFunc(j.e.Roots, func(r Root) bool {
		return len(j.leaf.AuthorityKeyId) > 0 && slices.Equal(j.leaf.AuthorityKeyId, r.SubjectKeyId)
	})
}

// missing is for a chain that the server does not send as a whole.
func (j *judged) missing() {
	for _, cert := range j.via {
		if !slices.ContainsFunc(j.rest, cert.Equal) {
			j.r.find("missing-intermediate", fault.Hintf("append the certificate of %s to the file with the server's", nameOf(cert.Subject.CommonName, "")),
				"it is by %s, whose certificate the server does not send", nameOf(cert.Subject.CommonName, ""))
		}
	}
}

// revoked looks at the CAs between the leaf and its root as well: clients hardly
// ever ask for revocation lists.
func (j *judged) revoked() {
	if j.issued && j.known.Revoked {
		j.r.find("revoked", j.push(), "serial number %s was revoked", ca.Serial(j.leaf))
	}
	for _, between := range j.via {
		if j.e.Known == nil {
			return
		}
		if known, ok := j.e.Known(between); ok && known.Revoked {
			j.r.find("revoked-ca", fault.Hintf("set that CA up again, or let this one issue the certificate: %s", j.renewal()),
				"it is by %s, whose certificate was revoked", nameOf(between.Subject.CommonName, ""))
		}
	}
}

func (j *judged) rootState() {
	name := j.root.Subject.CommonName
	switch {
	case j.began.After(j.root.NotAfter):
		j.r.find("expired-root", fault.Hintf("make a new root, and let phones and devices trust it: docs/renew.md shows how"), "%s ended on %s", name, day(j.root.NotAfter))
	case j.root.Retired:
		j.r.find("retired-root", j.push(), "%s was retired", name)
	case !j.root.Equal(j.e.Roots[0].Certificate):
		j.r.find("other-root", j.push(), "it is by %s; certificates are by %s now", name, j.e.Roots[0].Subject.CommonName)
	}
}

// newest compares the leaf with the newest certificate of the device.
func (j *judged) newest() {
	switch {
	case j.r.IsNewest:
	case j.issued && j.e.Holder != "" && j.known.Holder != j.e.Holder:
		j.r.find("other-device", j.push(), "it was issued for %s", j.known.Holder)
	case j.issued && j.e.Newest != nil:
		j.r.find("outdated", j.push(), "it is of %s; the newest is of %s", day(j.leaf.NotBefore), day(j.e.Newest.NotBefore))
	case !j.issued && len(j.via) == 0:
		j.r.find("unknown-certificate", fault.Hintf("restore the store from its latest backup, or replace the certificate: %s", j.renewal()),
			"%s signed it, and the store has none with serial number %s", j.root.Subject.CommonName, ca.Serial(j.leaf))
	}
}

func (j *judged) dates() {
	switch {
	case j.began.After(j.leaf.NotAfter):
		j.r.find("expired", j.push(), "it ended on %s", day(j.leaf.NotAfter))
	case j.began.Before(j.leaf.NotBefore):
		j.r.find("not-yet-valid", fault.Hintf("set the clock of this computer; if it is right: %s", j.replace()), "it begins on %s, and this computer's clock shows %s", day(j.leaf.NotBefore), day(j.began))
	case j.e.DueFrom != nil && j.root != nil && !j.began.Before(j.e.DueFrom(j.leaf)):
		j.r.find("ends-soon", j.push(), "it ends on %s", day(j.leaf.NotAfter))
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// names compares the certificate's names with the one that was asked for.
func (j *judged) names() {
	have := plain(strings.Join(ca.NamesOf(j.leaf), ", "))
	asked := j.r.Target.Name
	if addr, err := netip.ParseAddr(asked); err == nil && addr.Is6() {
		asked = "[" + asked + "]"
	}
	switch {
	case len(j.leaf.DNSNames)+len(j.leaf.IPAddresses) == 0:
		j.r.find("no-names", j.push(), "clients read names only from subjectAltName, which it lacks")
	case j.leaf.VerifyHostname(asked) == nil, j.r.has("other-device"):
	case j.r.Target.Found && (j.issued || j.r.Target.isAddress()): // it has a name that the search does not know
	case j.e.Newest != nil && !j.r.IsNewest && j.e.Newest.VerifyHostname(asked) == nil:
		j.r.find("wrong-name", j.push(), "it has %s, not %s", have, j.r.Target.Name)
	default:
		j.r.find("wrong-name", j.addName(), "it has %s, not %s", have, j.r.Target.Name)
	}
}

// addName is how the certificate gets another name.
func (j *judged) addName() fault.Hint {
	holder := j.e.Holder
	if j.issued {
		holder = j.known.Holder
	}
	if holder == "" || j.root == nil {
		return j.push()
	}
	if err := j.outside(); err != nil {
		return fault.HintOf(err)
	}
	return fault.Hintf("%s, then %s", fault.Command{"renew", holder, j.r.Target.Name}, fault.Command{"push", holder})
}

// The longest life of a server's certificate that Apple accepts from a root
// that a user installed: https://support.apple.com/en-us/103769.
var appleLife = ca.Days(ca.MaxLeafDays)

func (j *judged) life() {
	last := j.leaf.NotBefore.Add(appleLife - time.Second) // RFC 5280: the last second counts as valid
	switch {
	case !j.leaf.NotAfter.After(last):
	case j.issued && j.leaf.NotBefore.Year() == 2021: // where boards' clocks begin
		j.r.find("board-clock", fault.Hintf("for browsers: %s", fault.Command{"renew", j.known.Holder, "--board-clock=false"}),
			"boards without a clock accept it; iPhone, iPad and Mac refuse certificates of more than %d days", ca.MaxLeafDays)
	default:
		begun := -Days(j.leaf.NotAfter.Add(time.Second), j.leaf.NotBefore) // a part of a day is too much
		j.r.find("too-long", j.replace(), "it is valid for %d days; iPhone, iPad and Mac refuse more than %d", begun, ca.MaxLeafDays)
	}
}

// purpose checks what the certificate is for. Apple refuses a server's without
// an extendedKeyUsage; with clientAuth everyone who has the device's key could pose
// as a client.
func (j *judged) purpose() {
	has := func(use x509.ExtKeyUsage) bool {
		return slices.Contains(j.leaf.ExtKeyUsage, use) || slices.Contains(j.leaf.ExtKeyUsage, x509.ExtKeyUsageAny)
	}
	if !has(x509.ExtKeyUsageServerAuth) {
		j.r.find("not-for-servers", j.replace(), "its extendedKeyUsage lacks serverAuth, without which clients refuse it")
	}
	wanted := j.issued && ca.KindOf(j.leaf) == ca.KindBoth // issued for that on purpose
	switch {
	case !has(x509.ExtKeyUsageClientAuth), wanted:
	case j.belowServersOnly():
		j.r.find("client-auth-note", fault.Hintf("if boards or Java programs here ask for identities, let this CA issue it: %s", j.renewal()),
			"its extendedKeyUsage has clientAuth; its CA is for servers only, which servers with Java, NSS or mbedTLS do not look at")
	default:
		j.r.find("client-auth", j.replace(), "its extendedKeyUsage has clientAuth: with the device's key one gets in where identities do")
	}
}

// belowServersOnly reports whether a CA between the leaf and its root may issue for
// servers only. Caddy's internal CA claims both purposes all the same.
func (j *judged) belowServersOnly() bool {
	return slices.ContainsFunc(j.via, func(c *x509.Certificate) bool {
		return slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth})
	})
}

// strength checks the key. Its size is a matter of speed too.
func (j *judged) strength() {
	key, err := ca.KeyTypeOf(j.leaf.PublicKey)
	switch {
	case err != nil:
		j.r.find("weak", j.replace(), "%s", plain(err.Error()))
	case slices.Contains([]x509.SignatureAlgorithm{x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1}, j.leaf.SignatureAlgorithm):
		j.r.find("weak", j.replace(), "it is signed with %s", j.leaf.SignatureAlgorithm)
	case j.r.Prediction.Slow:
		j.r.find("large-key", j.smaller(), "%s", j.cost(key))
	case key == ca.RSA3072 || key == ca.RSA4096:
		j.r.find("large-key-note", j.smaller(), "%s signs several times as slowly as P-256", key)
	}
}

func (j *judged) smaller() fault.Hint {
	if j.e.Holder == "" {
		return j.push()
	}
	return fault.Hintf("%s, then %s", fault.Command{"renew", j.e.Holder, "--key", string(ca.P256)}, fault.Command{"push", j.e.Holder})
}

func (j *judged) cost(key ca.KeyType) string {
	if j.r.Prediction.Seconds[1] == 0 {
		return fmt.Sprintf("%s is not recommended for %s", key, j.r.Prediction.Device)
	}
	return fmt.Sprintf("%s takes %s up to %s for a handshake", key, j.r.Prediction.Device, seconds(j.r.Prediction.Seconds[1]))
}

// chain verifies as a client does, names and dates left out.
func (j *judged) chain() {
	_, err := j.leaf.Verify(x509.VerifyOptions{
		Roots: pool([]*x509.Certificate{j.root.Certificate}), Intermediates: pool(slices.Concat(j.rest, j.via)),
		CurrentTime: inLife(j.leaf, j.began), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err == nil || j.r.has("expired-root", "weak") {
		return
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && (e.Reason == x509.CANotAuthorizedForThisName || e.Reason == x509.UnconstrainedName) {
		j.r.find("outside", fault.Hintf("leave the name out: %s; or make a CA that permits it: docs/renew.md", j.renewal()), "%s", plain(e.Detail))
		return
	}
	j.r.find("invalid-chain", j.replace(), "%s", plain(strings.TrimPrefix(err.Error(), "x509: ")))
}

func (j *judged) rootIncluded() {
	for _, cert := range j.rest {
		if isSelfSigned(cert) {
			j.r.find("root-included", fault.Hintf("leave %s out of the file with the server's certificate; mosquitto with a cafile always sends it", nameOf(cert.Subject.CommonName, "the root")),
				"clients have it; it costs %d bytes of each connection", len(cert.Raw))
			return
		}
	}
}

// addresses is for BoringSSL's own verifier and wolfSSL, which refuse a
// certificate with an address under a root that limits addresses. Browsers
// use other code.
func (j *judged) addresses() {
	if len(j.leaf.IPAddresses) > 0 && len(j.root.PermittedIPRanges) > 0 {
		j.r.find("address-refused", fault.Hintf("browsers are not affected; for those clients, replace the root by one that does not limit addresses: %s", fault.Command{"root", "rotate", "--any-address"}),
			"programs with BoringSSL's verifier or wolfSSL refuse %s in a certificate of a root that limits addresses", j.leaf.IPAddresses[0])
	}
}

// slowest is what people wait for without a prediction to compare with.
const slowest = 10 * time.Second

// speed compares the time of the handshake with what the device should need:
// twice as much, and a second for the network, is too much.
func (j *judged) speed() {
	most := time.Duration(j.r.Prediction.Seconds[1] * float64(time.Second))
	took := j.r.Handshake
	switch {
	case most > 0 && took > 2*most+time.Second:
		j.r.find("slow", j.faster(), "it took %s; %s needs %s", seconds(took.Seconds()), j.r.Prediction.Device, seconds(most.Seconds()))
	case took > slowest:
		j.r.find("slow", j.faster(), "it took %s, and clients give up", seconds(took.Seconds()))
	}
}

func seconds(s float64) string {
	if s >= 9.95 {
		return fmt.Sprintf("%.0f s", s)
	}
	return fmt.Sprintf("%.1f s", s)
}
