package verifiers

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/testpki"
)

var (
	node = judge{"Node", byNode}
	bun  = judge{"Bun", byBun}
	bear = judge{"BearSSL", byBearSSL}
)

// A limited row is a row of the table in docs/growth.md: what a verifier says of
// certificates that a delegated CA should not have issued, and of an address of the
// home.
type limited struct {
	judge
	inDocs               string
	name, address, inner bool // whether it is accepted
}

var limits = []limited{
	{openSSL, "OpenSSL", false, false, true},
	{gnuTLS, "GnuTLS", false, false, true},
	{nss, "NSS", false, false, true},
	{nssPKIX, "NSS", false, false, true},
	{golang, "Go", false, false, true},
	{node, "Node", false, false, true},
	{bun, "Bun", false, false, false},
	{java, "Java", false, false, true},
	{mbed, "mbedTLS", true, true, true},
	{bear, "BearSSL", true, true, true},
}

// delegated is a CA that `picoca delegate caddy` sets up, with the key that Caddy
// gets, and its root.
func delegated(t testing.TB) (root *x509.Certificate, between identityOf) {
	t.Helper()
	dir := t.TempDir()
	if _, err := pki.Create(t.Context(), dir+"/ca", pki.InitRequest{Key: ca.P256, Root: testpki.HomeRequest()}, nil, time.Now(), pki.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	c := must[*pki.CA](t)(pki.Open(dir+"/ca", pki.Options{}))
	defer c.Close()
	plan := must[*pki.Delegation](t)(c.PlanDelegation(pki.DelegateRequest{Program: "caddy", Out: dir + "/caddy"}, time.Now()))
	defer plan.Close()
	session := must[*pki.Session](t)(c.Session(t.Context(), time.Now(), nil, nil))
	defer session.Close()
	issued := must[pki.Result](t)(session.Delegate(plan, time.Now())).Issued
	key := testpki.ParseKeyPEM(t, must[[]byte](t)(os.ReadFile(dir+"/caddy/intermediate.key")))
	return issued.Root.Certificate, identityOf{leaf: issued.Leaf, key: key}
}

// reaching makes the template that of a server with names and addresses.
func reaching(name string, addresses ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		host(name)(c)
		for _, address := range addresses {
			c.IPAddresses = append(c.IPAddresses, net.ParseIP(address))
		}
	}
}

// TestDelegatedCAIsLimited asks each verifier about certificates that only the key
// can have made: picoca, step-ca and Caddy would refuse to.
func TestDelegatedCAIsLimited(t *testing.T) {
	root, between := delegated(t)
	issue := func(name string, addresses ...string) identityOf {
		return between.below(t, x509.ExtKeyUsageServerAuth, reaching(name, addresses...))
	}
	plain, inner := issue("nas.home.arpa"), issue("nas.home.arpa", "192.168.1.20")
	stranger, outer := issue("www.example.com"), issue("nas.home.arpa", "8.8.8.8")
	for _, l := range limits {
		t.Run(l.judge.name, func(t *testing.T) {
			for _, row := range []struct {
				what string
				leaf identityOf
				want bool
			}{{"name of the home", plain, true}, {"address of the home", inner, l.inner}, {"stranger's name", stranger, l.name}, {"public address", outer, l.address}} {
				if err := l.judge.judge(t, root, row.leaf, server, row.leaf.leaf.DNSNames[0]); (err == nil) != row.want {
					t.Errorf("%s: got %v, want accepted %v", row.what, err, row.want)
				}
			}
		})
	}
}

// TestLimitsAreTheDocuments compares the rows with the document's table.
func TestLimitsAreTheDocuments(t *testing.T) {
	word := map[bool]string{true: "accepted", false: "refused"}
	var want [][]string
	for _, l := range limits {
		row := []string{l.inDocs, word[l.inner], word[l.name], word[l.address]}
		if len(want) == 0 || !slices.Equal(want[len(want)-1], row) { // NSS is asked in two ways
			want = append(want, row)
		}
	}
	page := string(must[[]byte](t)(os.ReadFile(filepath.Join(rig.Root, "docs", "growth.md"))))
	var got [][]string
	for _, match := range regexp.MustCompile(`(?m)^\| ([A-Za-z]+)[^|]* \| (accepted|refused)[^|]* \| (accepted|refused) \| (accepted|refused) \|$`).FindAllStringSubmatch(page, -1) {
		got = append(got, match[1:])
	}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("docs/growth.md: got %q, want %q", got, want)
	}
}

// TestDelegatedServersAreNoIdentities, whatever their certificates claim, where the
// purposes of a CA count: its own are for servers. The others look only at the
// certificate that is shown.
func TestDelegatedServersAreNoIdentities(t *testing.T) {
	root, between := delegated(t)
	leaf := between.below(t, x509.ExtKeyUsageClientAuth, host("nas.home.arpa"))
	for _, j := range judges {
		t.Run(j.name, func(t *testing.T) {
			err := j.judge(t, root, leaf, client, "")
			if got, want := err == nil, slices.Contains([]string{nss.name, nssPKIX.name, java.name, mbed.name}, j.name); got != want {
				t.Errorf("got %v, want accepted %v", err, want)
			}
		})
	}
}

// TestCriticalLimitsAreNotRead: why those of a delegated CA are not critical.
func TestCriticalLimitsAreNotRead(t *testing.T) {
	a := home(t)
	middle := a.delegate(t, "Step CA")
	template := *middle.leaf
	template.PermittedDNSDomainsCritical, template.SerialNumber = true, nil
	strict := identityOf{leaf: a.Sign(t, &template, middle.key).Cert, key: middle.key}
	for _, row := range []struct {
		judge
		want string
	}{{mbed, "exit status 2"}, {bear, "error 57"}} {
		leaf := strict.below(t, x509.ExtKeyUsageServerAuth, host("nas.home.arpa"))
		if err := row.judge.judge(t, a.root, leaf, server, "nas.home.arpa"); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %s", row.name, err, row.want)
		}
	}
}

// visited has a server show the certificate to a program, which prints its page.
func visited(t testing.TB, root *x509.Certificate, i identityOf, host, program string) error {
	port := serve(t, &tls.Config{Certificates: []tls.Certificate{i.tls()}})
	return visitWith(t, program, "testdata/visit.js", host, port, pemFile(t, root))
}

func byNode(t testing.TB, root *x509.Certificate, i identityOf, _ purpose, host string) error {
	return visited(t, root, i, host, rig.Need(t, "node", "nodejs"))
}

// byBun asks BoringSSL. Bun is a download of 100 MB, so only make test-all has it.
func byBun(t testing.TB, root *x509.Certificate, i identityOf, _ purpose, host string) error {
	if os.Getenv("PICOCA_TEST_ALL") == "" {
		t.Skip("needs a large download: run it with PICOCA_TEST_ALL=1, as make test-all does")
	}
	program, err := filepath.Abs(rig.Root + "/testdata/bun/node_modules/@oven/bun-linux-x64-baseline/bin/bun")
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		t.Fatalf("%v: npm ci --prefix testdata/bun", err)
	}
	return visited(t, root, i, host, program)
}

// byBearSSL asks BearSSL 0.6, that of Arduino-Pico and the ESP8266.
func byBearSSL(t testing.TB, root *x509.Certificate, i identityOf, _ purpose, host string) error {
	t.Helper()
	rig.Need(t, "gcc", "gcc")
	program, err := bearSSL()
	if err != nil {
		missing(t, err.Error())
	}
	chain := i.leaf.Raw
	for _, cert := range i.between {
		chain = append(chain[:len(chain):len(chain)], cert.Raw...)
	}
	return run(t, program, host, write(t, "root.der", root.Raw), write(t, "chain.der", chain))
}

// bearSSL compiles testdata/bearssl.c with Debian's library.
var bearSSL = sync.OnceValues(func() (string, error) {
	dir, err := scratch() // removed at the end
	if err != nil {
		return "", err
	}
	program := filepath.Join(dir, "bearssl")
	out, err := exec.Command("gcc", "-Wall", "-Wextra", "-Werror", "-o", program, "testdata/bearssl.c", "-lbearssl").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("BearSSL is missing (Debian package libbearssl-dev): %w\n%s", err, out)
	}
	return program, nil
})
