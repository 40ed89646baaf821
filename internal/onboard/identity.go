package onboard

import (
	"fmt"
	"net/http"
	"strings"
)

// Identity is a client's certificate and key for one download, in the two forms
// that devices import. Both have to be encrypted under one passphrase that
// travels some other way: whoever can read the plain HTTP page can pass the
// check too.
type Identity struct {
	Name    string // what the page calls it, such as "kitchen-tablet"
	Stem    string // base name of the download without its ending
	P12     []byte // PKCS#12
	Profile []byte // Apple configuration profile that holds the same
}

// check finds what would keep an identity from being downloaded. There may be none.
func (id *Identity) check() error {
	if id != nil && (id.Stem == "" || strings.ContainsAny(id.Stem, "/\\\"\r\n?#%") || len(id.P12) == 0 || len(id.Profile) == 0) {
		return fmt.Errorf("identity %q lacks a plain file name or the bytes of a form", id.Stem)
	}
	return nil
}

// identityFile is one form of the identity, as it is downloaded.
type identityFile struct {
	name, mime string
	data       []byte
}

// files are the two forms, with the one that p's system imports in front. Apple's
// devices take a profile from the browser; the others know PKCS#12.
func (id *Identity) files(p Platform) [2]identityFile {
	profile := identityFile{id.Stem + ".mobileconfig", profileType, id.Profile}
	p12 := identityFile{id.Stem + ".p12", "application/x-pkcs12", id.P12}
	switch p {
	case IPhone, IPad, Mac:
		return [2]identityFile{profile, p12}
	}
	return [2]identityFile{p12, profile}
}

// identityPath is where a form is, known to those alone who have passed the check.
func (s *Server) identityPath(f identityFile) string {
	return s.base() + "/" + s.identityToken + "/" + f.name
}

// serveIdentity goes out once, in whichever form. A transfer that breaks off gives
// it back.
func (s *Server) serveIdentity(f identityFile) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !s.taken.CompareAndSwap(false, true) {
			s.turnAway(w, r, usedUp, http.StatusGone)
			return
		}
		setDisposition(w, f.name, f.mime)
		err := send(w, f.mime, http.StatusOK, f.data)
		if r.Method == http.MethodHead {
			return
		}
		if err != nil {
			s.taken.Store(false)
			return
		}
		s.met(r, Delivered, platformOf(r.UserAgent()), f.name)
	}
}
