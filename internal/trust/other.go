package trust

import (
	"context"
	"errors"
	"path"
	"strings"
)

// keychain is this user's login keychain on macOS. Chromium and Firefox use it
// too. security(1) asks for the user's password itself, without root.
type keychain struct{ c *Computer }

func (k *keychain) file() string           { return path.Join(k.c.Home, "Library/Keychains/login.keychain-db") }
func (k *keychain) where() (Store, string) { return System, k.file() }

// look takes a root for trusted if it is in the keychain and has settings for
// trust. The settings are a property list whose keys are SHA-1 hashes.
func (k *keychain) look(ctx context.Context, roots []root) (contents, error) {
	var found contents
	listed, err := k.c.look(ctx, "security", "find-certificate", "-a", "-p", k.file())
	if err != nil {
		return found, err
	}
	settings, err := k.settings(ctx)
	if err != nil {
		return found, err
	}
	certs := certificatesIn([]byte(listed))
	for _, r := range roots {
		trusted := strings.Contains(settings, "<key>"+thumbprint(r.Certificate)+"</key>")
		if holds(certs, r.Raw) || trusted {
			found.note(roots, r.Raw, r.name, trusted && holds(certs, r.Raw))
		}
	}
	return found, nil
}

// settings returns this user's trust settings, nothing if there are none:
// security fails then.
func (k *keychain) settings(ctx context.Context) (string, error) {
	out, err := k.c.look(ctx, "security", "trust-settings-export", "/dev/stdout")
	if failed, ok := errors.AsType[*CommandError](err); ok && strings.Contains(failed.Output, "No Trust Settings were found") {
		return "", nil
	}
	return out, err
}

func (k *keychain) install(_ context.Context, roots []root) (work, error) {
	var w work
	for _, r := range roots {
		w.steps = append(w.steps, asUser("security", "add-trusted-cert", "-r", "trustRoot", "-p", "ssl", "-k", k.file(), r.pem()))
		w.files = append(w.files, r.file())
	}
	return w, nil
}

// remove takes out the certificate with its settings (-t).
func (k *keychain) remove(_ context.Context, roots []root) (work, error) {
	var w work
	for _, r := range roots {
		w.steps = append(w.steps, asUser("security", "delete-certificate", "-Z", thumbprint(r.Certificate), "-t", k.file()))
	}
	return w, nil
}

// rootStore is this user's store on Windows. Chromium and Firefox use it too.
// Windows asks the user itself.
type rootStore struct{ c *Computer }

func (s *rootStore) where() (Store, string) { return System, `Root of the current user` }

// certutil is Windows' own: NSS has another program of the same name.
func (s *rootStore) certutil(args ...string) []string {
	return append([]string{"certutil.exe", "-user"}, args...)
}

func (s *rootStore) look(ctx context.Context, roots []root) (contents, error) {
	var found contents
	for _, r := range roots {
		// It fails if there is no such certificate.
		_, err := s.c.look(ctx, s.certutil("-store", "Root", thumbprint(r.Certificate))...)
		if failed, ok := errors.AsType[*CommandError](err); err == nil {
			found.note(roots, r.Raw, r.name, true)
		} else if !ok || !strings.Contains(failed.Output, "0x80090011") { // NTE_NOT_FOUND
			return found, err
		}
	}
	return found, nil
}

func (s *rootStore) install(_ context.Context, roots []root) (work, error) {
	var w work
	for _, r := range roots {
		w.steps = append(w.steps, Step{Args: s.certutil("-addstore", "Root", r.pem())})
		w.files = append(w.files, r.file())
	}
	return w, nil
}

// remove names the certificate by its hash: another may have the same serial
// number.
func (s *rootStore) remove(_ context.Context, roots []root) (work, error) {
	var w work
	for _, r := range roots {
		w.steps = append(w.steps, Step{Args: s.certutil("-delstore", "Root", thumbprint(r.Certificate))})
	}
	return w, nil
}
