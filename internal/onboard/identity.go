package onboard

import (
	"fmt"
	"net/http"
	"strings"
)

// Identity is a client's certificate and key for one download, in the forms that
// devices import. All must be encrypted under one passphrase that reaches the
// user by another way: anyone who can read the plain HTTP page can pass the
// check too.
type Identity struct {
	Name string // what the page calls it, such as "Kitchen tablet"
	Stem string // base name of the download without its ending
	P12  []byte // PKCS#12
	// Profile is an Apple configuration profile with the same, for any Apple
	// device; PhoneProfile is for iPhone and iPad only (its TargetDeviceType).
	Profile, PhoneProfile []byte
}

// check finds what would keep an identity from being downloaded. A nil identity
// is fine.
func (id *Identity) check() error {
	if id == nil {
		return nil
	}
	if id.Stem == "" || strings.ContainsAny(id.Stem, "/\\\"\r\n?#%") {
		return fmt.Errorf("identity %q has the file name %q, expected a plain one", id.Name, id.Stem)
	}
	if len(id.P12) == 0 || len(id.Profile) == 0 || len(id.PhoneProfile) == 0 {
		return fmt.Errorf("identity %q lacks the bytes of a file", id.Name)
	}
	return nil
}

// identityFile is one form of the identity, as it is downloaded.
type identityFile struct {
	name, mime string
	data       []byte
}

func (id *Identity) p12() identityFile {
	return identityFile{id.Stem + ".p12", "application/x-pkcs12", id.P12}
}

// profile is the form that p's system installs from a browser.
func (id *Identity) profile(p Platform) identityFile {
	data := id.Profile
	if p.handheld() {
		data = id.PhoneProfile
	}
	return identityFile{id.Stem + ".mobileconfig", profileType, data}
}

// main is the form for p's button.
func (id *Identity) main(p Platform) identityFile {
	if p.apple() {
		return id.profile(p)
	}
	return id.p12()
}

// identityPath is where a form is. Only pages that follow a proof contain it.
func (s *Server) identityPath(f identityFile) string {
	return s.base() + "/" + s.identityToken + "/" + f.name
}

// identityPaths are the paths of both forms.
func (s *Server) identityPaths() map[string]http.HandlerFunc {
	id := s.config.Identity
	if id == nil {
		return nil
	}
	return map[string]http.HandlerFunc{
		s.identityPath(id.p12()):       s.serveIdentity(func(Platform) identityFile { return id.p12() }),
		s.identityPath(id.profile("")): s.serveIdentity(id.profile),
	}
}

// serveIdentity serves the identity once, in one of its forms. A transfer that
// breaks off does not count.
func (s *Server) serveIdentity(form func(Platform) identityFile) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !s.taken.CompareAndSwap(false, true) {
			s.reject(w, r, usedUp, http.StatusGone)
			return
		}
		device := platformOf(r.UserAgent())
		f := form(s.visitors.meet(remoteAddr(r.RemoteAddr), device))
		setDisposition(w, f.name, f.mime)
		err := send(w, f.mime, http.StatusOK, f.data)
		if r.Method == http.MethodHead {
			return
		}
		if err != nil {
			s.taken.Store(false)
			return
		}
		s.record(r, Delivered, device, f.name)
	}
}
