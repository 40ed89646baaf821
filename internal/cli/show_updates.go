package cli

import (
	"fmt"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/store"
	"github.com/picoca/picoca/internal/terminal"
)

// updatesOf returns where a board takes updates, and the fingerprint of whom it
// takes them from, "" before the first one under a new root. The port is 0 if it
// takes none, or if what is known of it is damaged: push says so.
func updatesOf(c *pki.CA, i store.Issued) (port int, identity string) {
	settings, err := c.UpdatesOf(i)
	if settings == nil || err != nil {
		return 0, ""
	}
	if owner, err := c.UpdateIdentity(i); err == nil {
		identity = ca.Fingerprint(owner)
	}
	return settings.Port, identity
}

// updatesRow is the row of a board that takes updates.
func (s shownJSON) updatesRow() []terminal.Row {
	if s.UpdatesPort == 0 {
		return nil
	}
	text := fmt.Sprintf("over HTTPS, port %d", s.UpdatesPort)
	if s.UpdateIdentity != "" {
		text += ", by the update identity " + s.UpdateIdentity
	}
	return []terminal.Row{{"updates", text}}
}
