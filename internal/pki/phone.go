package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/onboard"
	"github.com/picoca/picoca/internal/output"
)

// phoneLife is how long the certificates of PhoneServers are valid.
const phoneLife = time.Hour

// errNoAddress is for the roots of init --only.
var errNoAddress = fault.New("root vouches for no address, and the page for phones has only an address",
	fault.Hintf("%s; or let a board serve them: %s", bringFiles(), fault.Command{"phone", "--sheet", "sheet.html"}))

// exportProfile writes the file that an iPhone or an iPad takes.
func exportProfile() fault.Command { return fault.Command{"export", "ca", "--format", "mobileconfig"} }

func bringFiles() fault.Hint {
	return fault.Hintf("bring a file to each phone: %s for an iPhone or iPad, %s for any other", exportProfile(), fault.Command{"export", "ca", "--format", "crt"})
}

// HasPhonePage reports whether phone can prove that a phone trusts a root: its page
// has this computer's address, which the root must vouch for.
func HasPhonePage(root *x509.Certificate) bool { return !ca.ConstraintsOf(root).NoAddress() }

// PhoneSteps says how each phone comes to trust a root.
func PhoneSteps(root *x509.Certificate) fault.Hint {
	if HasPhonePage(root) {
		return fault.Hintf("run %s", fault.Command{"phone"})
	}
	return bringFiles()
}

// profileCommand brings a profile with the roots to an iPhone or an iPad.
func profileCommand(root *x509.Certificate) fault.Command {
	if HasPhonePage(root) {
		return fault.Command{"phone"}
	}
	return exportProfile()
}

// PhoneOffer returns what a phone gets from the CA: the roots in their forms, and a
// page of each device.
func (c *CA) PhoneOffer(devices []string, now time.Time) (onboard.Offer, error) {
	authority, err := c.Authority(now)
	if err != nil {
		return onboard.Offer{}, err
	}
	clips, err := ParseWebClips(devices, authority)
	if err != nil {
		return onboard.Offer{}, err
	}
	roots, err := c.RootsToTrust(now)
	if err != nil {
		return onboard.Offer{}, err
	}
	if !HasPhonePage(authority.Certificate()) {
		return onboard.Offer{}, errNoAddress
	}
	profile, err := phoneProfile(roots, clips)
	offer := onboard.Offer{Roots: roots, Profile: profile}
	for _, clip := range clips {
		offer.Devices = append(offer.Devices, onboard.Link{Name: clip.Label, URL: clip.URL})
	}
	return offer, err
}

// phoneProfile returns the profile for iPhone and iPad.
func phoneProfile(roots []*x509.Certificate, clips []export.WebClip) ([]byte, error) {
	specs, err := formatSpecs([]string{"mobileconfig"}, CAItself)
	if err != nil {
		return nil, err
	}
	profile, err := export.Render(export.Bundle{Root: roots[0], MoreRoots: roots[1:], WebClips: clips, AppleDevice: export.IPhoneOrIPad}, specs...)
	if err != nil {
		return nil, err
	}
	return profile[0].Data, nil
}

// PhoneIdentity returns an identity that is handed to a phone. It fails with a WrongKindError,
// an ExpiredError or a RevokedError.
func (c *CA) PhoneIdentity(name string, p12 export.P12, now time.Time) (*onboard.Identity, error) {
	issued, err := c.FindKind(name, Identity)
	if err != nil {
		return nil, err
	}
	if err := inUse(issued, now); err != nil {
		return nil, err
	}
	bundle, err := c.bundle(issued)
	if err != nil {
		return nil, err
	}
	bundle.P12 = p12
	specs, err := formatSpecs(identityFormats, Identity)
	if err != nil {
		return nil, err
	}
	files, err := export.Render(bundle, specs...)
	if err != nil {
		return nil, err
	}
	bundle.AppleDevice = export.IPhoneOrIPad
	phone, err := export.Render(bundle, specs[1])
	if err != nil {
		return nil, err
	}
	return &onboard.Identity{Name: issued.Record.Name, Stem: bundle.Stem, P12: files[0].Data, Profile: files[1].Data, PhoneProfile: phone[0].Data}, nil
}

// PhoneServers signs two certificates for an address of this computer that are
// stored nowhere. It returns them with their keys as PEM, for ParsePhoneServers in
// another process.
func (s *Session) PhoneServers(address ca.Names, now time.Time) ([]byte, error) {
	var all []byte
	for range 2 {
		key, err := ca.P256.Generate()
		if err != nil {
			return nil, err
		}
		profile := ca.Profile{Kind: ca.KindServer, Life: phoneLife, Cut: true}
		prepared, err := s.ca.authority.Prepare(profile, ca.Holder{Names: address}, key.Public(), now)
		if err != nil {
			return nil, err
		}
		cert, err := s.ca.authority.Sign(prepared)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
		all = append(all, ca.CertificatePEM(cert)...)
	}
	return all, nil
}

// ParsePhoneServers reads the result of PhoneServers. It fails with
// io.ErrUnexpectedEOF if that is not whole.
func ParsePhoneServers(data []byte) (certs [2]tls.Certificate, err error) {
	for i := range certs {
		var key, cert *pem.Block
		key, data = pem.Decode(data)
		cert, data = pem.Decode(data)
		if key == nil || cert == nil {
			return certs, io.ErrUnexpectedEOF
		}
		if certs[i], err = tls.X509KeyPair(pem.EncodeToMemory(cert), pem.EncodeToMemory(key)); err != nil {
			return certs, err
		}
	}
	return certs, nil
}

// CheckPicture fails if the QR code cannot be saved as that file, before anything
// is asked for or signed. An empty name is no file.
func (c *CA) CheckPicture(name string, force bool) error {
	if name == "" {
		return nil
	}
	policy := output.Beside
	if force {
		policy = output.Overwrite
	}
	folder, err := output.Open(filepath.Dir(name), c.outputOptions(policy))
	if err != nil {
		return err
	}
	return errors.Join(folder.Check([]string{filepath.Base(name)}), folder.Close())
}
