package pki

import (
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/store"
)

// portHTTPS is where a device serves TLS if nothing else is known.
const portHTTPS = 443

// Server is what the CA knows of a device that serves TLS.
type Server struct {
	Name   string // the device's own
	Newest store.Issued
	Target device.Target
	Port   int
}

// Host returns a name under which clients reach the device: its own, or if that
// is a wildcard, another of its certificate; "" if there is none.
func (s *Server) Host() string {
	for _, name := range append([]string{s.Name}, ca.NamesOf(s.Newest.Leaf)...) {
		if !strings.HasPrefix(name, "*.") {
			return name
		}
	}
	return ""
}

// Seconds returns how long a handshake with a certificate takes the device, the
// least and the most of its firmware; zero if that was not measured.
func (s *Server) Seconds(leaf *x509.Certificate) [2]float64 {
	cert := s.facts(leaf)
	var all [2]float64
	for _, row := range s.Target.Rows() {
		if span := s.Target.FiguresOf(row, cert).Seconds; span[1] > 0 {
			all[1] = max(all[1], span[1])
			if all[0] == 0 || span[0] < all[0] {
				all[0] = span[0]
			}
		}
	}
	return all
}

// IsSlow reports whether the key of a certificate is not worth its cost on the
// device.
func (s *Server) IsSlow(leaf *x509.Certificate) bool {
	return s.Target.NotRecommended(s.facts(leaf).Key)
}

func (s *Server) facts(leaf *x509.Certificate) device.Certificate {
	key, err := ca.KeyTypeOf(leaf.PublicKey)
	if err != nil {
		return device.Certificate{}
	}
	return device.Certificate{Key: string(key), Bytes: len(leaf.Raw), Names: len(ca.NamesOf(leaf))}
}

// Servers are the devices of a CA that serve TLS, and every certificate that a
// server may show. It does not change: several goroutines may use it.
type Servers struct {
	// Roots are those of the CA, the one that signs first.
	Roots []store.Root
	// Intermediates are the certificates of CAs below a root.
	Intermediates []*x509.Certificate

	servers []Server
	issued  map[string]store.Issued
}

// Servers reads what is known of all devices. The error joins what is wrong
// with single certificates; the rest is returned all the same.
func (c *CA) Servers() (*Servers, error) {
	roots, err := c.signingFirst()
	if err != nil {
		return nil, err
	}
	all := &Servers{Roots: roots, issued: map[string]store.Issued{}}
	var faults []error
	for i, err := range c.All(false) {
		if err != nil {
			faults = append(faults, err)
			continue
		}
		all.issued[ca.Serial(i.Leaf)] = i
		if i.Record.Kind == ca.KindCA {
			all.Intermediates = append(all.Intermediates, i.Leaf)
		}
	}
	for i, err := range c.All(true) {
		if err == nil && KindOf(i) == Device && i.Record.Kind != ca.KindCA {
			all.servers = append(all.servers, serverOf(i))
		}
	}
	return all, errors.Join(faults...)
}

// serverOf returns what is known of a device. One that this version does not
// know has no target.
func serverOf(i store.Issued) Server {
	s := Server{Name: i.Record.Name, Newest: i, Port: portHTTPS}
	if i.Record.For == "" {
		return s
	}
	target, err := targetOf(i)
	if err != nil {
		return s
	}
	s.Target = target
	for _, firmware := range target.Firmware {
		if firmware.Port > 0 {
			s.Port = firmware.Port
			break
		}
	}
	return s
}

// All returns every device that has a name to reach it by, and whose newest
// certificate is not revoked.
func (s *Servers) All() []Server {
	return slices.DeleteFunc(slices.Clone(s.servers), func(one Server) bool { return one.Newest.Revoked != nil || one.Host() == "" })
}

// Find returns the device of a name: its own, or one of several in its newest
// certificate.
func (s *Servers) Find(name ca.Name) (Server, bool) {
	if i := slices.IndexFunc(s.servers, func(one Server) bool { return one.Name == name.String() }); i >= 0 {
		return s.servers[i], true
	}
	i := slices.IndexFunc(s.servers, func(one Server) bool { return slices.Contains(ca.NamesOf(one.Newest.Leaf), name.String()) })
	if i < 0 {
		return Server{}, false
	}
	return s.servers[i], true
}

// Issued returns the certificate of the store that a server shows.
func (s *Servers) Issued(leaf *x509.Certificate) (store.Issued, bool) {
	i, ok := s.issued[ca.Serial(leaf)]
	return i, ok && i.Leaf.Equal(leaf)
}

// DueFromLeaf returns when a certificate becomes due, as DueFrom says.
func DueFromLeaf(leaf *x509.Certificate) time.Time {
	return DueFrom(Validity{leaf.NotBefore, leaf.NotAfter}, 0)
}
