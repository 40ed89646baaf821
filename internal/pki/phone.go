package pki

import (
	"crypto"
	"crypto/x509"
	"errors"
	"path/filepath"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/output"
)

// PhoneFiles are what a phone gets from the CA.
type PhoneFiles struct {
	Roots    []*x509.Certificate
	Profile  []byte // .mobileconfig for iPhone and iPad with the roots and the web clips
	WebClips []export.WebClip
}

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

// PhoneFiles returns the roots in their forms, and an icon for each device.
func (c *CA) PhoneFiles(devices []string, now time.Time) (PhoneFiles, error) {
	authority, err := c.Authority(now)
	if err != nil {
		return PhoneFiles{}, err
	}
	clips, err := ParseWebClips(devices, authority)
	if err != nil {
		return PhoneFiles{}, err
	}
	roots, err := c.RootsToTrust(now)
	if err != nil {
		return PhoneFiles{}, err
	}
	if !HasPhonePage(authority.Certificate()) {
		return PhoneFiles{}, errNoAddress
	}
	profile, err := phoneProfile(roots, clips)
	return PhoneFiles{roots, profile, clips}, err
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

// IdentityFiles are an identity's files, to be handed to a phone: PhoneProfile is
// the profile for iPhone and iPad only.
type IdentityFiles struct {
	Name, Stem                 string
	P12, Profile, PhoneProfile []byte
}

// IdentityFiles returns the files of an identity. It fails with a WrongKindError,
// an ExpiredError or a RevokedError.
func (c *CA) IdentityFiles(name string, p12 export.P12, now time.Time) (*IdentityFiles, error) {
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
	return &IdentityFiles{issued.Record.Name, bundle.Stem, files[0].Data, files[1].Data, phone[0].Data}, nil
}

// ServerFor signs a certificate for names that is stored nowhere, valid for
// life, and returns it with its key.
func (s *Session) ServerFor(names ca.Names, life time.Duration, now time.Time) (*x509.Certificate, crypto.Signer, error) {
	key, err := ca.P256.Generate()
	if err != nil {
		return nil, nil, err
	}
	profile := ca.Profile{Kind: ca.KindServer, Life: life, Cut: true}
	prepared, err := s.ca.authority.Prepare(profile, ca.Holder{Names: names}, key.Public(), now)
	if err != nil {
		return nil, nil, err
	}
	cert, err := s.ca.authority.Sign(prepared)
	return cert, key, err
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
