// Command verify is the least that listing a store can cost: on all cores it
// reads every certificate and its record, verifies that the root signed it, and
// prints a line for each. It looks at no modes, no owners and no names, and the
// first fault ends it.
//
//	verify STORE
package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
)

func main() {
	store := os.Args[1]
	root := certificate(must(filepath.Glob(filepath.Join(store, "roots", "*")))[0])
	folders := must(filepath.Glob(filepath.Join(store, "issued", "*", "*")))
	lines := make([]string, len(folders))
	cores := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for core := range cores {
		wg.Go(func() {
			for i := core; i < len(folders); i += cores {
				lines[i] = line(folders[i], root)
			}
		})
	}
	wg.Wait()
	out := bufio.NewWriter(os.Stdout)
	for _, line := range lines {
		must(out.WriteString(line))
	}
	check(out.Flush())
}

// line verifies the certificate in a folder and describes it.
func line(folder string, root *x509.Certificate) string {
	cert := certificate(folder)
	check(cert.CheckSignatureFrom(root))
	var record struct{ Name, For string }
	check(json.Unmarshal(must(os.ReadFile(filepath.Join(folder, "about.json"))), &record))
	return fmt.Sprintf("%s %s %s %X\n", record.Name, record.For, cert.NotAfter.Format("2006-01-02"), sha256.Sum256(cert.Raw))
}

func certificate(folder string) *x509.Certificate {
	block, _ := pem.Decode(must(os.ReadFile(filepath.Join(folder, "cert.pem"))))
	return must(x509.ParseCertificate(block.Bytes))
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
