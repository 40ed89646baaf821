package onboard

import (
	"context"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

// stage is what one port answers: a fixed map of paths under one Host, and
// nothing else.
type stage struct {
	*Server
	host   string // the only Host header that is answered
	images string // sources that its pages may load images from
	paths  map[string]http.HandlerFunc
}

// pageStage is the plain HTTP port: public bytes only.
func (s *Server) pageStage() stage {
	root := s.config.Root
	paths := map[string]http.HandlerFunc{
		"":                    s.servePage(""),
		"/":                   s.servePage(""),
		"/icon.svg":           s.serveIcon,
		"/" + certificateFile: s.serveFile(certificateFile, "application/x-x509-ca-cert", root.Raw),
		"/" + pemFile:         s.serveFile(pemFile, "application/x-pem-file", ca.CertificatePEM(root)),
		"/" + profileFile:     s.serveFile(profileFile, profileType, s.config.Profile),
	}
	for _, p := range platforms {
		paths["/"+p.path()] = s.servePage(p.Platform)
	}
	return s.newStage(s.pageHost(), "'self'", paths)
}

// checkStage is the HTTPS port that the reader opens.
func (s *Server) checkStage() stage {
	paths := map[string]http.HandlerFunc{
		"":          s.serveCheck,
		"/":         s.serveCheck,
		"/icon.svg": s.serveIcon,
	}
	if id := s.config.Identity; id != nil {
		for _, f := range id.files("") {
			paths[strings.TrimPrefix(s.identityPath(f), s.base())] = s.serveIdentity(f)
		}
	}
	return s.newStage(s.checkHost(), "'self' https://"+s.sealHost(), paths)
}

// sealStage is the HTTPS port that only the check page knows.
func (s *Server) sealStage() stage {
	return s.newStage(s.sealHost(), "'none'", map[string]http.HandlerFunc{"/seal.svg": s.serveSeal})
}

// newStage puts the paths under the random one.
func (s *Server) newStage(host, images string, below map[string]http.HandlerFunc) stage {
	paths := map[string]http.HandlerFunc{}
	for path, handler := range below {
		paths[s.base()+path] = handler
	}
	return stage{s, host, images, paths}
}

// ServeHTTP answers one request, or refuses it.
func (st stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer guestOf(r).work()()
	st.secure(w.Header())
	if reason, status := st.fault(r); reason != "" {
		st.refuse(w, r, reason, status)
		return
	}
	st.paths[r.URL.Path](w, r)
}

// secure sets the headers of every answer. There is no HSTS: it does not exist
// for addresses, and the server is gone in ten minutes.
func (st stage) secure(h http.Header) {
	for _, line := range [][2]string{
		{"Content-Security-Policy", "default-src 'none'; style-src " + stylePolicy() + "; img-src " + st.images +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Cache-Control", "no-store"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
	} {
		h.Set(line[0], line[1])
	}
}

// fault is the first reason not to answer r, with its status; "" when all is well.
func (st stage) fault(r *http.Request) (reason string, status int) {
	_, known := st.paths[r.URL.Path]
	switch {
	// DNS rebinding brings a foreign page's name here. Only the printed address counts.
	case r.Host != st.host:
		return wrongHost, http.StatusMisdirectedRequest
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return wrongMethod, http.StatusMethodNotAllowed
	case r.ContentLength != 0:
		return wrongBody, http.StatusRequestEntityTooLarge
	// An encoded path is never ours, nor a whole address, as proxies are asked
	// for: one spelling each.
	case !known || r.URL.RawPath != "" || r.URL.IsAbs():
		return wrongPath, http.StatusNotFound
	}
	return "", 0
}

func (st stage) refuse(w http.ResponseWriter, r *http.Request, reason string, status int) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close") // or net/http would read the body first
	}
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD")
	}
	st.turnAway(w, r, reason, status)
}

// turnAway answers with a sentence, and tells of it unless a browser asks for
// such a path by itself.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, reason string, status int) {
	from := remoteAddr(r.RemoteAddr)
	if !unasked(r.URL.Path) {
		for _, e := range s.refusals.add(from, reason, s.config.Now()) {
			e.Device = s.visitors.meet(e.Address, "")
			s.tell(e)
		}
	}
	text := choose(s.languages, r.Header.Get("Accept-Language")).say("gone") + "\n"
	send(w, "text/plain; charset=utf-8", status, []byte(text))
}

// unasked tells of paths that browsers fetch on their own.
func unasked(path string) bool {
	return path == "/favicon.ico" || path == "/robots.txt" ||
		strings.HasPrefix(path, "/apple-touch-icon") || strings.HasPrefix(path, "/.well-known/")
}

const htmlType = "text/html; charset=utf-8"

// send answers with body. Without an error, the whole answer was handed to the
// system: the one who reads it may be told of, and the server may end.
func send(w http.ResponseWriter, contentType string, status int, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// met tells of a visitor of a page. HEAD asks about a page without seeing it.
func (s *Server) met(r *http.Request, action Action, device Platform, file string) {
	if r.Method == http.MethodHead {
		return
	}
	from := remoteAddr(r.RemoteAddr)
	s.tell(Event{Action: action, Address: from, Device: s.visitors.meet(from, device), File: file})
}

func (s *Server) servePage(picked Platform) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.viewFor(r, picked)
		s.met(r, Opened, believe(platformOf(r.UserAgent()), picked), "")
		send(w, htmlType, http.StatusOK, []byte(v.page()))
	}
}

// believe is what a visitor's device is, from what its browser claims and what
// its reader picked: who looks at the steps for another device does not hold it.
func believe(claimed, picked Platform) Platform {
	if claimed == "" || claimed == Mac && picked == IPad {
		return picked
	}
	return claimed
}

// serveFile hands out public bytes.
func (s *Server) serveFile(name, contentType string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		setDisposition(w, name, contentType)
		s.met(r, Downloaded, platformOf(r.UserAgent()), name)
		send(w, contentType, http.StatusOK, data)
	}
}

// profileType is the type by which Apple's systems know a configuration profile.
const profileType = "application/x-apple-aspen-config"

// setDisposition has a browser save the file under its name. A profile goes
// without: iOS has to take it over, not to save it.
func setDisposition(w http.ResponseWriter, name, contentType string) {
	if contentType != profileType {
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
}

func (s *Server) serveIcon(w http.ResponseWriter, _ *http.Request) {
	send(w, "image/svg+xml", http.StatusOK, iconSVG)
}

// serveCheck answers in two parts: a page with the seal's image in it, and, once the
// seal was fetched or enough time has gone by, the verdict. So the page tells
// the truth without a script.
func (s *Server) serveCheck(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", htmlType)
	if r.Method == http.MethodHead {
		return
	}
	name, sealed, end := s.proofs.begin()
	defer end()
	v := s.viewFor(r, "")
	s.met(r, Checking, v.device, "")
	io.WriteString(w, string(v.checking("https://"+s.sealHost()+s.base()+"/seal.svg?"+name)))
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	late := time.NewTimer(s.config.patience)
	defer late.Stop()
	select {
	case <-sealed:
		io.WriteString(w, string(v.yes()))
	case <-late.C:
		s.met(r, Unproven, v.device, "")
		io.WriteString(w, string(v.no()))
	case <-r.Context().Done():
	}
}

// serveSeal is fetched as an image of one visit to the check page, once.
func (s *Server) serveSeal(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && !s.proofs.seal(r.URL.RawQuery) {
		s.turnAway(w, r, wrongPath, http.StatusNotFound)
		return
	}
	s.met(r, Trusted, platformOf(r.UserAgent()), "")
	// The check page has another port, and so another origin. Chromium does not
	// take two ports of one IP address for the same site.
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	s.serveIcon(w, r)
}

type guestKey struct{}

func withGuest(ctx context.Context, conn net.Conn) context.Context {
	if secure, ok := conn.(*tlsConn); ok {
		conn = secure.guest
	}
	return context.WithValue(ctx, guestKey{}, conn)
}

func guestOf(r *http.Request) *guest {
	return r.Context().Value(guestKey{}).(*guest)
}
