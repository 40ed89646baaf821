package onboard

import (
	"cmp"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Limits against slow and greedy visitors. The largest page has under 30 KB, so
// a phone on bad Wi-Fi stays far below them.
const (
	maxConnections    = 64
	maxHeader         = 4 << 10 // net/http allows 4 KB more
	headerWithin      = 5 * time.Second
	answerWithin      = 20 * time.Second
	idleFor           = 15 * time.Second
	proofWithin       = 8 * time.Second
	graceAfterRefusal = time.Second / 2
	closeWithin       = 2 * time.Second
)

// Server is one run of the three ports. New makes it.
type Server struct {
	config        Config
	languages     []language
	token         string      // a path element of 65 random bits
	identityToken string      // another one
	taken         atomic.Bool // the identity was downloaded
	events        chan Event
	over          chan struct{}
	limiter       *limiter
	proofs        proofs
	visitors      visitors

	// Used only in the goroutine of Run.
	tally     *tally
	trusting  map[netip.Addr]bool
	delivered bool
}

// New checks c completely and prepares a Server under a new random address. It
// fails if a root is not a CA, if the profile lacks a root or contains an
// identity, if a certificate does not verify against the first root for the
// listeners' address, or if that address is not private. The listeners then stay
// open.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	languages, err := readLanguages(texts)
	if err != nil {
		return nil, err
	}
	c.patience = cmp.Or(c.patience, proofWithin)
	c.repeatAfter = cmp.Or(c.repeatAfter, repeatAfter)
	return &Server{
		config:        c,
		languages:     languages,
		token:         newToken(),
		identityToken: newToken(),
		events:        make(chan Event, maxConnections),
		over:          make(chan struct{}),
		limiter:       &limiter{max: maxConnections},
		proofs:        proofs{waiting: map[string]*attempt{}},
		visitors:      visitors{devices: map[netip.Addr]Platform{}},
		tally:         newTally(c.repeatAfter),
		trusting:      map[netip.Addr]bool{},
	}, nil
}

// URL returns the address to open on the phone, short enough for a small QR code.
func (s *Server) URL() string { return "http://" + s.pageHost() + s.base() }

func (s *Server) checkURL() string  { return "https://" + s.checkHost() + s.base() }
func (s *Server) base() string      { return "/" + s.token }
func (s *Server) pageHost() string  { return authority(s.config.Listeners.Page, 80) }
func (s *Server) checkHost() string { return authority(s.config.Listeners.Check, 443) }
func (s *Server) proofHost() string { return authority(s.config.Listeners.Proof, 443) }

// signing is the root that signed the certificates of the HTTPS ports.
func (s *Server) signing() root { return s.config.roots()[0] }

// authority returns what a browser puts into the Host header: it leaves out the
// scheme's own port.
func authority(l net.Listener, usual uint16) string {
	at := hostPort(l)
	if at.Port() == usual {
		return strings.TrimSuffix(at.String(), ":"+strconv.Itoa(int(usual)))
	}
	return at.String()
}

// Run serves until ctx ends or, with UntilTrusted, until the first browser has
// proved that it trusts the root and the identity, if there is one, has been
// downloaded. It gives answers under way two seconds, closes every connection
// and listener, and returns nil, or the error of a listener that broke. A Server
// runs once.
func (s *Server) Run(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 3)
	servers := s.start(failed)
	go func() {
		<-running.Done()
		s.limiter.closeSilent() // or Shutdown would wait for them
		shutDown(servers)
		close(s.over)
	}()
	tick := time.NewTicker(s.config.repeatAfter / 2)
	defer tick.Stop()
	var broken error
	for {
		select {
		case e := <-s.events:
			s.report(e, stop)
		case <-tick.C:
			s.notify(s.tally.due(s.config.Now()))
		case err := <-failed:
			broken = err
			stop()
		case <-s.over:
			s.drain()
			return broken
		}
	}
}

// Trusting returns the number of addresses whose browser proved that it trusts
// the root. It may be called after Run has returned.
func (s *Server) Trusting() int { return len(s.trusting) }

// drain reports what happened while the ports were closing, and what was held
// back.
func (s *Server) drain() {
	for {
		select {
		case e := <-s.events:
			s.report(e, func() {})
		default:
			s.notify(s.tally.rest(s.config.Now()))
			return
		}
	}
}

func (s *Server) notify(events []Event) {
	for _, e := range events {
		s.config.Notify(e)
	}
}

// report counts an event, and stops the run after the last one that it waits for.
func (s *Server) report(e Event, stop func()) {
	if e.Action == Trusted && len(s.trusting) < maxDevices {
		s.trusting[e.Address] = true
	}
	s.delivered = s.delivered || e.Action == Delivered
	if e, now := s.tally.add(e); now {
		s.config.Notify(e)
	}
	if s.config.UntilTrusted && len(s.trusting) > 0 && (s.config.Identity == nil || s.delivered) {
		stop()
	}
}

// start serves each port in a goroutine of its own.
func (s *Server) start(failed chan<- error) []*http.Server {
	l := s.config.Listeners
	ports := []struct {
		listener net.Listener
		handler  handler
	}{
		{listener{l.Page, s.limiter}, s.pageHandler()},
		{tlsListener{listener{l.Check, s.limiter}, tlsConfig(s.config.Check), s.distrusted}, s.checkHandler()},
		{tlsListener{listener{l.Proof, s.limiter}, tlsConfig(s.config.Proof), s.proofRefused}, s.proofHandler()},
	}
	var servers []*http.Server
	for _, port := range ports {
		server := newHTTPServer(port.handler)
		servers = append(servers, server)
		go func() {
			if err := server.Serve(port.listener); err != http.ErrServerClosed {
				failed <- err
			}
		}()
	}
	return servers
}

func newHTTPServer(handler http.Handler) *http.Server {
	plain := new(http.Protocols)
	plain.SetHTTP1(true) // with HTTP/2, one connection could ask for hundreds of pages at once
	return &http.Server{
		Handler:                      handler,
		DisableGeneralOptionsHandler: true,
		// Covers the TLS handshake too. There is no ReadTimeout: requests with a
		// body are rejected unread, and it would cut off the wait for the proof.
		ReadHeaderTimeout: headerWithin,
		WriteTimeout:      answerWithin,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeader,
		Protocols:         plain,
		ConnContext:       withConn,
		// net/http would log the visitors' mistakes; those worth reporting are
		// events.
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

func shutDown(servers []*http.Server) {
	grace, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	var wait sync.WaitGroup
	for _, server := range servers {
		wait.Go(func() {
			if server.Shutdown(grace) != nil {
				server.Close()
			}
		})
	}
	wait.Wait()
}

// emit hands an event to Run. A visitor waits while the terminal is slow.
func (s *Server) emit(e Event) {
	e.Time = s.config.Now()
	select {
	case s.events <- e:
	case <-s.over:
	}
}

// distrusted is called for a client that refused a certificate.
func (s *Server) distrusted(c *conn) {
	s.emit(Event{Action: Distrusted, Address: c.from, Device: s.visitors.meet(c.from, "")})
}

// proofRefused is called for a client that refused the proof's certificate. If a
// check page is waiting for it, the verdict reports it.
func (s *Server) proofRefused(c *conn) {
	if !s.proofs.refuse(c.from) {
		s.distrusted(c)
	}
}
