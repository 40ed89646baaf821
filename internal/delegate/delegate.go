// Package delegate writes what another CA program needs to issue under
// picoca's root: step-ca, or Caddy's internal CA. It is pure: it turns
// certificates, keys and choices into files, and knows no store, no disk and no
// clock.
package delegate

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Program is a program that can run a CA.
type Program struct {
	ID   string // "step-ca"
	Name string // for people
	// KeyEncrypted reports whether it reads an encrypted key; otherwise its key
	// file is only protected by its mode.
	KeyEncrypted bool
	files        func(Config) []File
	steps        func(Config) []string
}

// programs are all that are known, in the order of the help.
func programs() []Program {
	return []Program{
		{"step-ca", "step-ca", true, stepCA, stepCASteps},
		{"caddy", "Caddy", false, caddy, caddySteps},
	}
}

// UnknownProgramError says that Input is no program that a CA can be delegated
// to.
type UnknownProgramError struct{ Input string }

func (e *UnknownProgramError) Error() string {
	return fmt.Sprintf("%q is not a program that picoca can set up as a CA", e.Input)
}

// Hint names those that are known, and what works for all others.
func (*UnknownProgramError) Hint() fault.Hint {
	return fault.Hintf("use %s; for other programs, let them make a request: %s",
		strings.Join(IDs(), " or "), fault.Command{"issue", "--ca", "NAME", "--csr", "FILE"})
}

// ExitCode is that of a wrong command line.
func (*UnknownProgramError) ExitCode() int { return fault.Usage }

// IDs lists the programs.
func IDs() []string {
	var ids []string
	for _, p := range programs() {
		ids = append(ids, p.ID)
	}
	return ids
}

// Find returns the program called id. It fails with an UnknownProgramError.
func Find(id string) (Program, error) {
	all := programs()
	i := slices.IndexFunc(all, func(p Program) bool { return p.ID == id })
	if i < 0 {
		return Program{}, &UnknownProgramError{id}
	}
	return all[i], nil
}

// File is a file for the program. Only its owner may read a private one.
type File struct {
	Name    string
	Data    []byte
	Private bool
}

// Config is what a program's files depend on.
type Config struct {
	// Dir is the absolute path of the folder where the files will be, as the
	// program's own system writes it.
	Dir string
	// Hosts are the names by which clients reach the CA, the usual one first;
	// Port is its TCP port.
	Hosts []string
	Port  int
	// Root and Issuer are certificates in PEM. Issuer is the intermediate, or the
	// root itself if IssuerIsRoot.
	Root, Issuer []byte
	IssuerIsRoot bool
	// Key is the issuer's key in PEM, encrypted under Passphrase if the program
	// reads encrypted keys.
	Key, Passphrase []byte
}

// The files that both programs read.
const (
	RootFile         = "root.crt"
	IntermediateFile = "intermediate.crt"
	IntermediateKey  = "intermediate.key"
	rootKey          = "root.key"
)

// PasswordFile has the passphrase of the key, for a program that reads an encrypted
// one.
const PasswordFile = "password"

// certFile and keyFile are those of the issuer.
func (c *Config) certFile() string {
	if c.IssuerIsRoot {
		return RootFile
	}
	return IntermediateFile
}

func (c *Config) keyFile() string {
	if c.IssuerIsRoot {
		return rootKey
	}
	return IntermediateKey
}

// Files returns what the program reads, below Config.Dir.
func (p Program) Files(c Config) []File {
	files := []File{{Name: RootFile, Data: c.Root}}
	if !c.IssuerIsRoot {
		files = append(files, File{Name: IntermediateFile, Data: c.Issuer})
	}
	files = append(files, File{Name: c.keyFile(), Data: c.Key, Private: true})
	return append(files, p.files(c)...)
}

// FileNames returns the names of what Files returns.
func (p Program) FileNames(c Config) []string {
	var names []string
	for _, file := range p.Files(c) {
		names = append(names, file.Name)
	}
	return names
}

// Private returns the names of the files that only their owner may read.
func (p Program) Private() []string {
	names := []string{IntermediateKey}
	if p.KeyEncrypted {
		names = append(names, PasswordFile)
	}
	return names
}

// RenewedFiles returns what a new certificate of the same key replaces.
func (c *Config) RenewedFiles() []File {
	return []File{{Name: RootFile, Data: c.Root}, {Name: IntermediateFile, Data: c.Issuer}}
}

// ChainFiles returns the certificate of a CA that has its own key, alone and with
// its root, as other programs import it.
func ChainFiles(c Config) []File {
	return []File{
		{Name: "ca.pem", Data: c.Issuer},
		{Name: "chain.pem", Data: append(append([]byte{}, c.Issuer...), c.Root...)},
		{Name: "picoca-root.pem", Data: c.Root},
	}
}

// Steps returns the commands that start the program, and use it.
func (p Program) Steps(c Config) []string { return p.steps(c) }

// in returns the path of a file. Config.Dir is a path of this system.
func (c *Config) in(name string) string {
	if strings.HasPrefix(c.Dir, "/") {
		return path.Join(c.Dir, name)
	}
	return filepath.Join(c.Dir, name)
}

func (c *Config) address() string { return fmt.Sprintf(":%d", c.Port) }

func (c *Config) url() string { return fmt.Sprintf("https://%s:%d", c.Hosts[0], c.Port) }
