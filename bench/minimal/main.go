// Command minimal is the least that issuing certificates can cost: it reads
// the root, and for each name makes a P-256 key, signs, and writes and syncs the
// same files as picoca in two folders. It checks nothing, locks nothing, and a
// crash leaves whatever it leaves. Many are issued on all cores.
//
//	minimal STORE NAME OUT
//	minimal STORE COUNT OUT   for d0.local, d1.local, ... in folders below OUT
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func main() {
	store, name, out := os.Args[1], os.Args[2], os.Args[3]
	folder := must(filepath.Glob(filepath.Join(store, "roots", "*")))[0]
	m := minimal{
		store: store,
		root:  must(x509.ParseCertificate(readPEM(filepath.Join(folder, "cert.pem")))),
		key:   must(x509.ParsePKCS8PrivateKey(readPEM(filepath.Join(folder, "key.pem")))),
	}
	count, err := strconv.Atoi(name)
	if err != nil {
		m.issue(name, out)
		return
	}
	cores := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for core := range cores {
		wg.Go(func() {
			for i := core; i < count; i += cores {
				name := fmt.Sprintf("d%d.local", i)
				m.issue(name, filepath.Join(out, name))
			}
		})
	}
	wg.Wait()
}

type minimal struct {
	store string
	root  *x509.Certificate
	key   any
}

func (m minimal) issue(name, out string) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	serial := make([]byte, 16)
	rand.Read(serial)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    time.Now(),
		NotAfter:     time.Now().AddDate(0, 0, 820),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert := must(x509.CreateCertificate(rand.Reader, template, m.root, key.Public(), m.key))
	pkcs8 := must(x509.MarshalPKCS8PrivateKey(key))
	sec1 := must(x509.MarshalECPrivateKey(key))

	write(filepath.Join(m.store, "minimal", name), map[string][]byte{
		"cert.pem":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		"key.pem":    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		"about.json": []byte(`{"name": "` + name + `"}`),
	})
	write(out, map[string][]byte{"cert.der": cert, "key.der": sec1})
}

// write writes and syncs files, their folder, and the folder above.
func write(dir string, files map[string][]byte) {
	check(os.MkdirAll(dir, 0o700))
	for name, data := range files {
		file := must(os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE, 0o600))
		must(file.Write(data))
		check(file.Sync())
		check(file.Close())
	}
	for _, dir := range []string{dir, filepath.Dir(dir)} {
		folder := must(os.Open(dir))
		check(folder.Sync())
		check(folder.Close())
	}
}

func readPEM(name string) []byte {
	block, _ := pem.Decode(must(os.ReadFile(name)))
	return block.Bytes
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
