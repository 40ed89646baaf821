package cli

import (
	"slices"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
)

// recall returns what a renewal takes over from the last certificate. What its
// description no longer tells, the certificate itself does; lost then says why.
// Its names begin with name. If there is neither, nothing is taken over.
func recall(s *store.Store, last store.Issued, name string) (about store.About, lost, err error) {
	about, err = s.About(last)
	if err == nil || !isLost(err) {
		return about, nil, err
	}
	lost = err
	cert, err := s.Certificate(last)
	if isLost(err) {
		return store.About{}, lost, nil
	}
	if err != nil {
		return store.About{}, nil, err
	}
	keyType, err := ca.KeyTypeOf(cert.PublicKey)
	if err != nil {
		return store.About{}, nil, err
	}
	all := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	others := slices.DeleteFunc(all, func(other string) bool { return other == name })
	names := append([]string{name}, others...)
	return store.About{Name: name, Names: names, Key: string(keyType), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter}, lost, nil
}

// isLost reports whether a file of the store is gone or damaged.
func isLost(err error) bool { return isA[store.MissingError](err) || isA[store.DamagedError](err) }
