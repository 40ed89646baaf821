// Package probe looks at a live TLS server step by step, with times, and
// compares what it shows with what its CA expects there. What is wrong comes
// back as findings, each with its cause and its fix. It changes nothing, and
// sends nothing that a visitor would not send.
package probe

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"
)

// Timeout bounds a connection: a Pico W with an RSA-4096 key needs 26 s for its
// handshake.
const Timeout = 60 * time.Second

// The ports of HTTPS, and of MQTT over TLS.
const (
	PortHTTPS = 443
	PortMQTT  = 8883
)

// Target is a server.
type Target struct {
	// Name is the DNS name or address that clients use.
	Name string
	Port int
	// Address is where it is; the zero Addr if the name should be resolved.
	Address netip.Addr
	// Found reports whether a search found it: then Name is only what it is called
	// in the network, and most ports have something else.
	Found bool
	// For is the device that a server at this port probably is, as --for takes it.
	For string
}

// String returns the name and the port.
func (t Target) String() string { return net.JoinHostPort(t.Name, strconv.Itoa(t.Port)) }

// isAddress reports whether the server's name is an address.
func (t Target) isAddress() bool {
	_, err := netip.ParseAddr(t.Name)
	return err == nil
}

// Prediction is what a certificate costs the device that serves it.
type Prediction struct {
	Device  string     // for people
	Seconds [2]float64 // of a handshake, the least and the most; zero if unknown
	Slow    bool       // the key is not recommended for the device
}

// Root is a root of the CA.
type Root struct {
	*x509.Certificate
	Retired bool
}

// Known is a certificate that the CA issued.
type Known struct {
	Holder  string
	Revoked bool
}

// Expected is what the CA knows of a server. The zero Expected knows nothing.
type Expected struct {
	// Holder is the device's own name, "" if the CA issued nothing for the server.
	Holder string
	// Newest is its newest certificate.
	Newest *x509.Certificate
	// Roots are those of the CA, the one that signs first; Intermediates the CAs
	// below them.
	Roots         []Root
	Intermediates []*x509.Certificate
	// System are the public roots; nil for those of this computer.
	System *x509.CertPool
	// Of returns what is expected of a device, for a server that shows a
	// certificate of another one; nil if nothing is.
	Of func(holder string) Expected
	// Known finds a certificate of the CA; nil if there are none.
	Known func(*x509.Certificate) (Known, bool)
	// Predict is nil if the device is not known.
	Predict func(*x509.Certificate) Prediction
	// DueFrom returns when a certificate should be replaced; nil for its end.
	DueFrom func(*x509.Certificate) time.Time
}

// Step is one step of a visit, and how long it took.
type Step struct {
	Name string        `json:"name"`
	Text string        `json:"text"`
	Time time.Duration `json:"-"`
}

// The steps, in their order.
const (
	StepName        = "name"
	StepConnection  = "connection"
	StepTLS         = "TLS"
	StepCertificate = "certificate"
	StepClient      = "identity"
)

// Link is a certificate of the chain that a server sends.
type Link struct {
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	Bytes   int    `json:"bytes"`
}

// Demand is whether a server asks its clients for a certificate.
type Demand string

// The demands.
const (
	NotAsked Demand = "no"
	Optional Demand = "optional"
	Required Demand = "required"
)

// Report is what a visit showed.
type Report struct {
	Target  Target
	Address netip.AddrPort // where the server was reached; zero if it was not
	Steps   []Step
	// Version and Suite are those of TLS; "" if there was no handshake.
	Version, Suite string
	Handshake      time.Duration
	Prediction     Prediction
	// Leaf is the server's certificate, nil if it showed none.
	Leaf *x509.Certificate
	// Chain is what it sent, the leaf first; ChainBytes its size in the handshake.
	Chain      []Link
	ChainBytes int
	// Ours reports whether a root of the CA signed it, IsNewest whether it is the
	// server's newest certificate.
	Ours, IsNewest bool
	Client         Demand // "" without a handshake
	Findings       []Finding
}

// Problems returns the findings that should be fixed.
func (r *Report) Problems() []Finding {
	var all []Finding
	for _, f := range r.Findings {
		if f.Level == Problem {
			all = append(all, f)
		}
	}
	return all
}

// has reports whether there is a finding with an ID.
func (r *Report) has(ids ...string) bool {
	for _, f := range r.Findings {
		if slices.Contains(ids, f.ID) {
			return true
		}
	}
	return false
}

func (r *Report) step(name, text string, took time.Duration) {
	r.Steps = append(r.Steps, Step{name, text, took})
}

// Prober visits servers.
type Prober struct {
	Network Network
	Now     func() time.Time
	// Timeout bounds a visit.
	Timeout time.Duration
}

// Check visits a server as a client would, and judges what it sees.
func (p Prober) Check(ctx context.Context, t Target, e Expected) Report {
	v := visit{Prober: p, e: e, r: Report{Target: t}, began: p.Now()}
	v.run(ctx)
	return v.r
}

// visit is one run of Check.
type visit struct {
	Prober
	e     Expected
	r     Report
	began time.Time
}

func (v *visit) run(ctx context.Context) {
	addrs := v.resolve(ctx)
	if len(addrs) == 0 {
		return
	}
	conn := v.connect(ctx, addrs)
	if conn == nil {
		return
	}
	seen := v.handshake(ctx, conn)
	if len(seen.raw) == 0 {
		return
	}
	v.judge(seen)
}

// since returns how long ago an event was by the visit's clock.
func (v *visit) since(then time.Time) time.Duration { return v.Now().Sub(then) }
