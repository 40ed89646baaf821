package pki

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// TestPhoneServersReachTheOtherProcess: two certificates of the root, each with its
// key, as that process reads them; it notices if the other one was cut short.
func TestPhoneServersReachTheOtherProcess(t *testing.T) {
	a := newAuthority(t, "")
	a.use(func(c *CA) {
		s, err := c.Session(t.Context(), start, noPassphrase, nobodyWaits(t))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		data, err := s.PhoneServers(names(t, "192.168.1.20"), start)
		if err != nil {
			t.Fatal(err)
		}
		certs, err := ParsePhoneServers(data)
		if err != nil {
			t.Fatal(err)
		}
		root, err := c.Root()
		if err != nil {
			t.Fatal(err)
		}
		for i, cert := range certs {
			if err := cert.Leaf.CheckSignatureFrom(root.Certificate); err != nil || cert.Leaf.VerifyHostname("192.168.1.20") != nil || !cert.Leaf.NotAfter.Before(start.Add(2*phoneLife)) {
				t.Errorf("%d: got %v until %v, %v", i, cert.Leaf.IPAddresses, cert.Leaf.NotAfter, err)
			}
		}
		if bytes.Equal(certs[0].Certificate[0], certs[1].Certificate[0]) {
			t.Error("both are one certificate: an exception for the one would cover the other")
		}
		for _, cut := range [][]byte{nil, data[:len(data)/2], data[:len(data)-40]} {
			if _, err := ParsePhoneServers(cut); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d of %d bytes: got %v", len(cut), len(data), err)
			}
		}
	})
}
