package cli

import (
	"errors"
	"fmt"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/store"
)

// subject is what a command is about.
type subject struct {
	kind    string
	name    string // as it stands in the certificate
	display string // for people
	issued  store.Issued
}

// The kinds of subjects.
const (
	theCA    = "the ca"
	aDevice  = "a device"
	aClient  = "a client identity"
	caSpoken = "ca"
)

// notIssuedError says that a device or a client identity has no certificate.
type notIssuedError struct{ name string }

func (e notIssuedError) Error() string { return fmt.Sprintf("no certificate for %q", e.name) }

// find returns what input is: the ca, a client identity, or a device, whose
// name may be spelled as people spell it. No word is two of them.
func find(s *store.Store, input string) (subject, error) {
	if input == caSpoken {
		return subject{kind: theCA, name: input, display: input}, nil
	}
	label, labelErr := ca.ParseLabel(input)
	if labelErr == nil {
		issued, err := s.LatestClient(label.String())
		if !errors.Is(err, store.ErrNotIssued) {
			return subject{aClient, label.String(), label.String(), issued}, err
		}
	}
	names, err := ca.ParseNames([]string{input})
	if err != nil {
		if labelErr == nil {
			err = notIssuedError{input}
		}
		return subject{}, err
	}
	issued, err := s.Latest(names.First().String())
	if errors.Is(err, store.ErrNotIssued) {
		err = notIssuedError{input}
	}
	return subject{aDevice, names.First().String(), names.First().Display(), issued}, err
}

// stem is a name for files and folders of the subject.
func (s subject) stem() string {
	if s.kind == aClient {
		return store.LabelStem(s.name)
	}
	return store.FolderName(s.name)
}
