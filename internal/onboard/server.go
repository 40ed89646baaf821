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

// Limits against visitors that are slow, many or greedy. The largest page has
// 16 KB, so a phone on bad Wi-Fi stays far below them.
const (
	maxConnections = 64
	maxHeader      = 4 << 10 // net/http allows 4 KB more
	headerWithin   = 5 * time.Second
	answerWithin   = 20 * time.Second
	idleFor        = 15 * time.Second
	sealWithin     = 8 * time.Second
	closeWithin    = 2 * time.Second
)

// Server is one run of the three ports. New makes it.
type Server struct {
	config        Config
	languages     []language
	limits        limits
	token         string      // a path element of 65 random bits
	identityToken string      // another
	taken         atomic.Bool // the identity was downloaded
	// In the goroutine of Run: what it was told.
	proven, delivered bool
	events            chan Event
	over              chan struct{}
	gate              *gate
	proofs            proofs
	visitors          visitors
	refusals          refusals
}

// New checks all of c and prepares a Server under a fresh random address. It
// fails when the root is no CA, the profile holds another root or an identity,
// a certificate does not verify against the root for the listeners' address, or
// that address is not private. Then the listeners stay open.
func New(c Config) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	languages, err := readLanguages(texts)
	if err != nil {
		return nil, err
	}
	c.patience = cmp.Or(c.patience, sealWithin)
	return &Server{
		config:        c,
		languages:     languages,
		limits:        limitsOf(c.Root),
		token:         newToken(),
		identityToken: newToken(),
		events:        make(chan Event, maxConnections),
		over:          make(chan struct{}),
		gate:          &gate{max: maxConnections},
		proofs:        proofs{waiting: map[string]chan struct{}{}},
		visitors:      visitors{seen: map[netip.Addr]*visitor{}},
		refusals:      refusals{quiet: cmp.Or(c.quiet, quiet), kinds: map[kind]*tally{}},
	}, nil
}

// URL is the address to open on the phone, short enough for a small QR code.
func (s *Server) URL() string { return "http://" + s.pageHost() + s.base() }

func (s *Server) checkURL() string  { return "https://" + s.checkHost() + s.base() }
func (s *Server) base() string      { return "/" + s.token }
func (s *Server) pageHost() string  { return authority(s.config.Listeners.Page, 80) }
func (s *Server) checkHost() string { return authority(s.config.Listeners.Check, 443) }
func (s *Server) sealHost() string  { return authority(s.config.Listeners.Seal, 443) }

// authority is what a browser puts into the Host header: it leaves out the
// scheme's own port.
func authority(l net.Listener, usual uint16) string {
	at := hostPort(l)
	if at.Port() == usual {
		return strings.TrimSuffix(at.String(), ":"+strconv.Itoa(int(usual)))
	}
	return at.String()
}

// Run serves until ctx ends, which may have a time limit, or, with UntilTrusted,
// until the first browser has proven its trust and the identity, if there is
// one, is delivered. It gives answers under way two seconds, closes every
// connection and listener, and returns nil; or the error of a listener that
// broke. A Server runs once.
func (s *Server) Run(ctx context.Context) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 3)
	servers := s.start(failed)
	go func() {
		<-running.Done()
		s.gate.closeSilent() // or Shutdown would wait for those that never spoke
		shutDown(servers)
		close(s.over)
	}()
	late := time.NewTicker(s.refusals.quiet / 2)
	defer late.Stop()
	var broken error
	for {
		select {
		case e := <-s.events:
			s.report(e, stop)
		case <-late.C:
			s.notify(s.refusals.due(s.config.Now()))
		case err := <-failed:
			broken = err
			stop()
		case <-s.over:
			s.drain()
			return broken
		}
	}
}

// drain reports what happened while the ports were closing, and what was held
// back.
func (s *Server) drain() {
	for {
		select {
		case e := <-s.events:
			s.config.Notify(e)
		default:
			s.notify(s.refusals.rest(s.config.Now()))
			return
		}
	}
}

// notify hands on what was counted, in the goroutine of Run.
func (s *Server) notify(refused []Event) {
	for _, e := range refused {
		e.Device = s.visitors.meet(e.Address, "")
		s.config.Notify(e)
	}
}

// start serves each port in a goroutine of its own.
func (s *Server) start(failed chan<- error) []*http.Server {
	l := s.config.Listeners
	ports := []struct {
		listener net.Listener
		stage    stage
	}{
		{door{l.Page, s.gate}, s.pageStage()},
		{tlsDoor{door{l.Check, s.gate}, tlsConfig(s.config.Check), s.distrust}, s.checkStage()},
		{tlsDoor{door{l.Seal, s.gate}, tlsConfig(s.config.Seal), s.distrust}, s.sealStage()},
	}
	var servers []*http.Server
	for _, port := range ports {
		server := newHTTPServer(port.stage)
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
	plain.SetHTTP1(true) // HTTP/2 would let one connection ask for hundreds of pages at once
	return &http.Server{
		Handler:                      handler,
		DisableGeneralOptionsHandler: true,
		// Covers the TLS handshake too. There is no ReadTimeout: requests with a
		// body are refused unread, and it would cut off the wait for the seal.
		ReadHeaderTimeout: headerWithin,
		WriteTimeout:      answerWithin,
		IdleTimeout:       idleFor,
		MaxHeaderBytes:    maxHeader,
		Protocols:         plain,
		ConnContext:       withGuest,
		// What net/http would log are the faults of visitors; those worth
		// telling are events.
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

// report hands an event on, and ends the run when it was the last one wanted.
func (s *Server) report(e Event, stop func()) {
	s.config.Notify(e)
	s.proven = s.proven || e.Action == Trusted
	s.delivered = s.delivered || e.Action == Delivered
	if s.config.UntilTrusted && s.proven && (s.config.Identity == nil || s.delivered) {
		stop()
	}
}

// tell puts an event before Run. A visitor waits while the terminal does.
func (s *Server) tell(e Event) {
	e.Time = s.config.Now()
	select {
	case s.events <- e:
	case <-s.over:
	}
}

// distrust is told of a client that refused a certificate.
func (s *Server) distrust(g *guest) {
	if s.visitors.distrust(g.from, s.config.Now()) {
		s.tell(Event{Action: Distrusted, Address: g.from, Device: s.visitors.meet(g.from, "")})
	}
}
