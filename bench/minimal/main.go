// Command minimal is the least that issuing a certificate can cost: it reads
// the root, makes a P-256 key, signs, and writes and syncs the same files as
// picoca in two folders. It checks nothing, locks nothing, and a crash leaves
// whatever it leaves.
//
//	minimal STORE NAME OUT
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

func main() {
	store, name, out := os.Args[1], os.Args[2], os.Args[3]
	folder := must(filepath.Glob(filepath.Join(store, "roots", "*")))[0]
	root := must(x509.ParseCertificate(readPEM(filepath.Join(folder, "cert.pem"))))
	rootKey := must(x509.ParsePKCS8PrivateKey(readPEM(filepath.Join(folder, "key.pem"))))
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
	cert := must(x509.CreateCertificate(rand.Reader, template, root, key.Public(), rootKey))
	pkcs8 := must(x509.MarshalPKCS8PrivateKey(key))
	sec1 := must(x509.MarshalECPrivateKey(key))

	write(filepath.Join(store, "minimal", name), map[string][]byte{
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
