package pki

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/example"
	"github.com/picoca/picoca/internal/fault"
	"github.com/picoca/picoca/internal/store"
)

// The files of a device whose board sends messages: its VAPID key (RFC 8292), to
// which browsers bind their subscriptions, and whom push services may ask.
const (
	vapidFile   = "vapid.pem"
	contactFile = "contact.txt"
)

// NoContactError says that messages need a contact, and none is known.
type NoContactError struct{ Name string }

func (e *NoContactError) Error() string {
	return fmt.Sprintf("messages of %q need a contact: push services want to reach the owner", e.Name)
}

// Hint gives one.
func (e *NoContactError) Hint() fault.Hint {
	return fault.Hintf("give an e-mail address of yours, which only push services see: %s",
		fault.Command{"example", e.Name, "--push", "--contact", "you@example.com"})
}

// MessagesContact returns the contact that was used for a device before, the zero
// Contact if there is none.
func (c *CA) MessagesContact(name string) (example.Contact, error) {
	issued, err := c.FindKind(name, Device)
	if err != nil {
		return example.Contact{}, err
	}
	return c.contact(issued.Record.Name)
}

// contact is MessagesContact for a device that was found.
func (c *CA) contact(name string) (example.Contact, error) {
	text, err := c.store.DeviceFile(name, contactFile)
	if errors.Is(err, fs.ErrNotExist) {
		return example.Contact{}, nil
	}
	if err != nil {
		return example.Contact{}, err
	}
	contact, err := example.ParseContact(strings.TrimSpace(string(text)))
	if err != nil {
		err = fault.With(fmt.Errorf("file %q of %s is damaged", contactFile, name), fault.Hintf("write the project again: %s", fault.Command{"example", name, "--push", "--contact", "you@example.com", "--force"}))
	}
	return contact, err
}

// findMessages decides with which key and contact a board sends messages. A key
// that is new is stored by keepMessages.
func (p *Project) findMessages() error {
	if !p.request.Push {
		return nil
	}
	if p.request.Contact == (example.Contact{}) {
		var err error
		if p.request.Contact, err = p.ca.MessagesContact(p.request.Name); err != nil {
			return err
		}
	}
	if p.request.Contact == (example.Contact{}) {
		return &NoContactError{p.Name}
	}
	key, err := p.ca.vapidKey(p.Name)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newVAPIDKey()
	}
	if err != nil {
		return err
	}
	return p.useVAPIDKey(key)
}

func newVAPIDKey() (*ecdsa.PrivateKey, error) {
	key, err := ca.P256.Generate()
	if err != nil {
		return nil, err
	}
	return key.(*ecdsa.PrivateKey), nil
}

func (p *Project) useVAPIDKey(key *ecdsa.PrivateKey) (err error) {
	p.vapid = key
	p.messages, err = messagesOf(key, p.request.Contact)
	return err
}

func messagesOf(key *ecdsa.PrivateKey, contact example.Contact) (*example.Messages, error) {
	private, privateErr := key.Bytes()
	public, publicErr := key.PublicKey.Bytes()
	return &example.Messages{Private: private, Public: public, Contact: contact}, errors.Join(privateErr, publicErr)
}

// vapidKey returns the key of a device, or fails with fs.ErrNotExist.
func (c *CA) vapidKey(name string) (*ecdsa.PrivateKey, error) {
	data, err := c.store.DeviceFile(name, vapidFile)
	if err != nil {
		return nil, err
	}
	key, err := store.DecryptKey(data, nil)
	ec, ok := key.(*ecdsa.PrivateKey)
	if err == nil && (!ok || ca.KeyType(keyTypeOf(ec)) != ca.P256) {
		err = store.ErrNoKey
	}
	if err != nil {
		return nil, fault.With(fmt.Errorf("VAPID key of %q: %w", name, err), fault.Hintf("restore the CA's folder from a backup"))
	}
	return ec, nil
}

// knownMessages returns what an earlier project with messages had, nil if there
// was none.
func (p *Project) knownMessages() *example.Messages {
	if p.messages != nil {
		return p.messages
	}
	key, err := p.ca.vapidKey(p.Name)
	if err != nil {
		return nil
	}
	contact, err := p.ca.MessagesContact(p.Name)
	if err != nil {
		return nil
	}
	messages, err := messagesOf(key, contact)
	if err != nil {
		return nil
	}
	return messages
}

// keyTypeOf returns the type of a key, "" if boards know none like it.
func keyTypeOf(key *ecdsa.PrivateKey) string {
	keyType, err := ca.KeyTypeOf(&key.PublicKey)
	if err != nil {
		return ""
	}
	return string(keyType)
}

// keepMessages stores key and contact, now that the lock is held. If another run
// was faster, its key is the device's.
func (p *Project) keepMessages() error {
	if p.messages == nil {
		return nil
	}
	stored, err := p.ca.vapidKey(p.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := p.storeVAPIDKey(); err != nil {
			return err
		}
	case err != nil:
		return err
	case !stored.Equal(p.vapid):
		if err := p.useVAPIDKey(stored); err != nil {
			return err
		}
		if err := p.render(); err != nil {
			return err
		}
	}
	return p.ca.store.PutDeviceFile(p.Name, contactFile, []byte(p.request.Contact.String()+"\n"))
}

func (p *Project) storeVAPIDKey() error {
	data, err := store.EncryptKey(p.vapid, nil)
	if err != nil {
		return err
	}
	return p.ca.store.PutDeviceFile(p.Name, vapidFile, data)
}
