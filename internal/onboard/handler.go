package onboard

import (
	"context"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/picoca/picoca/internal/ca"
)

// handler answers the requests to one port: a fixed map of paths under one Host,
// and nothing else.
type handler struct {
	*Server
	host   string // the only Host header that is answered
	images string // sources from which its pages may load images
	paths  map[string]http.HandlerFunc
}

// pageHandler serves the plain HTTP port: public bytes only.
func (s *Server) pageHandler() handler {
	paths := map[string]http.HandlerFunc{
		s.base():                     s.servePage(""),
		s.base() + "/":               s.servePage(""),
		s.base() + "/icon.svg":       s.serveIcon,
		s.base() + "/" + profileFile: s.serveFile(profileFile, profileType, s.config.Profile),
	}
	for _, r := range s.config.roots() {
		paths[s.base()+"/"+r.crtFile()] = s.serveFile(r.crtFile(), crtType, r.cert.Raw)
		paths[s.base()+"/"+r.pemFile()] = s.serveFile(r.pemFile(), "application/x-pem-file", ca.CertificatePEM(r.cert))
	}
	for _, p := range platforms {
		paths[s.base()+"/"+p.path()] = s.servePage(p.Platform)
	}
	return handler{s, s.pageHost(), "'self'", paths}
}

// checkHandler serves the HTTPS port that the reader opens.
func (s *Server) checkHandler() handler {
	paths := map[string]http.HandlerFunc{
		s.base():               s.serveCheck,
		s.base() + "/":         s.serveCheck,
		s.base() + "/icon.svg": s.serveIcon,
	}
	maps.Copy(paths, s.identityPaths())
	return handler{s, s.checkHost(), "'self' https://" + s.proofHost(), paths}
}

// proofHandler serves the HTTPS port that only the check page uses.
func (s *Server) proofHandler() handler {
	return handler{s, s.proofHost(), "'none'", map[string]http.HandlerFunc{s.base() + "/proof.svg": s.serveProof}}
}

// ServeHTTP answers one request, or rejects it.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer connOf(r).work()()
	h.secure(w.Header())
	if reason, status := h.fault(r); reason != "" {
		h.rejectUnread(w, r, reason, status)
		return
	}
	h.paths[r.URL.Path](w, r)
}

// secure sets the headers of every answer. There is no HSTS: it does not exist
// for addresses, and the server is gone in ten minutes.
func (h handler) secure(header http.Header) {
	for _, line := range [][2]string{
		{"Content-Security-Policy", "default-src 'none'; style-src " + stylePolicy() + "; img-src " + h.images +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
		{"Cache-Control", "no-store"},
		{"Referrer-Policy", "no-referrer"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
	} {
		header.Set(line[0], line[1])
	}
}

// fault returns the first reason to reject r, with its status; "" if there is none.
func (h handler) fault(r *http.Request) (reason string, status int) {
	_, known := h.paths[r.URL.Path]
	switch {
	// DNS rebinding brings a foreign page's name here. Only the printed address counts.
	case r.Host != h.host:
		return wrongHost, http.StatusMisdirectedRequest
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return wrongMethod, http.StatusMethodNotAllowed
	case r.ContentLength != 0:
		return wrongBody, http.StatusRequestEntityTooLarge
	// Each path has one spelling: neither an encoded one nor a whole address, as
	// sent to proxies, is ours.
	case !known || r.URL.RawPath != "" || r.URL.IsAbs():
		return wrongPath, http.StatusNotFound
	}
	return "", 0
}

func (h handler) rejectUnread(w http.ResponseWriter, r *http.Request, reason string, status int) {
	if r.ContentLength != 0 {
		w.Header().Set("Connection", "close") // or net/http would read the body first
	}
	if status == http.StatusMethodNotAllowed {
		w.Header().Set("Allow", "GET, HEAD")
	}
	h.reject(w, r, reason, status)
}

// reject answers with one sentence. It is an event, except for paths that
// browsers fetch on their own.
func (s *Server) reject(w http.ResponseWriter, r *http.Request, reason string, status int) {
	if from := remoteAddr(r.RemoteAddr); !automatic(r.URL.Path) {
		s.emit(Event{Action: Rejected, Address: from, Device: s.visitors.meet(from, ""), Reason: reason})
	}
	text := choose(s.languages, r.Header.Get("Accept-Language")).say("gone") + "\n"
	send(w, "text/plain; charset=utf-8", status, []byte(text))
}

// automatic reports whether browsers fetch a path on their own.
func automatic(path string) bool {
	return path == "/favicon.ico" || path == "/robots.txt" ||
		strings.HasPrefix(path, "/apple-touch-icon") || strings.HasPrefix(path, "/.well-known/")
}

const htmlType = "text/html; charset=utf-8"

// send answers with body. If it returns nil, the system has taken the whole
// answer: the event may be reported, and the server may end.
func send(w http.ResponseWriter, contentType string, status int, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// record emits an event of a visitor. HEAD asks about a page without showing it,
// so it is not one.
func (s *Server) record(r *http.Request, action Action, device Platform, file string) {
	if r.Method == http.MethodHead {
		return
	}
	from := remoteAddr(r.RemoteAddr)
	s.emit(Event{Action: action, Address: from, Device: s.visitors.meet(from, device), File: file})
}

func (s *Server) servePage(picked Platform) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := s.viewFor(r, picked)
		s.record(r, Opened, deviceOf(platformOf(r.UserAgent()), picked), "")
		send(w, htmlType, http.StatusOK, []byte(v.page()))
	}
}

// deviceOf returns a visitor's device, from what the browser claims and what the
// reader picked: readers may look at the steps for a device that they don't hold.
func deviceOf(claimed, picked Platform) Platform {
	if claimed == "" || picked.claimsToBe(claimed) {
		return picked
	}
	return claimed
}

// serveFile serves public bytes.
func (s *Server) serveFile(name, contentType string, data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		setDisposition(w, name, contentType)
		s.record(r, Downloaded, platformOf(r.UserAgent()), name)
		send(w, contentType, http.StatusOK, data)
	}
}

// profileType is the type by which Apple's systems know a configuration profile.
const profileType = "application/x-apple-aspen-config"

// crtType is the type by which Android knows a certificate of a CA.
const crtType = "application/x-x509-ca-cert"

// setDisposition makes a browser save the file under its name, except for a
// profile: iOS must install it rather than save it.
func setDisposition(w http.ResponseWriter, name, contentType string) {
	if contentType != profileType {
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	}
}

func (s *Server) serveIcon(w http.ResponseWriter, _ *http.Request) {
	send(w, "image/svg+xml", http.StatusOK, iconSVG)
}

// serveCheck answers in two parts: a page with the proof image in it and, once
// that was fetched or enough time has passed, the verdict. So the page can show
// the verdict without a script.
func (s *Server) serveCheck(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", htmlType)
	if r.Method == http.MethodHead {
		return
	}
	name, visit, end := s.proofs.begin(remoteAddr(r.RemoteAddr))
	defer end()
	v := s.viewFor(r, "")
	s.record(r, Checking, v.device, "")
	io.WriteString(w, string(v.checking("https://"+s.proofHost()+s.base()+"/proof.svg?"+name)))
	if http.NewResponseController(w).Flush() != nil {
		return
	}
	reason, err := visit.await(r.Context(), s.config.patience, graceAfterRefusal)
	if err != nil {
		return
	}
	if reason == "" {
		io.WriteString(w, string(v.yes()))
		return
	}
	s.emit(Event{Action: Unproven, Address: visit.from, Device: v.device, Reason: reason})
	io.WriteString(w, string(v.no(reason)))
}

// serveProof serves the image of one visit to the check page, once.
func (s *Server) serveProof(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && !s.proofs.prove(r.URL.RawQuery) {
		s.reject(w, r, wrongPath, http.StatusNotFound)
		return
	}
	s.record(r, Trusted, platformOf(r.UserAgent()), "")
	// The check page has another port, and so another origin. Chromium does not
	// take two ports of one IP address for the same site.
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	s.serveIcon(w, r)
}

type connKey struct{}

func withConn(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tlsConn); ok {
		c = secure.counted
	}
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(r *http.Request) *conn { return r.Context().Value(connKey{}).(*conn) }
