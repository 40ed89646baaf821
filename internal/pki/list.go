package pki

import (
	"iter"

	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/store"
)

// All yields every certificate, or the newest of each name, ordered by folder
// and number. An error stands for a certificate, or for all of a name, and the
// rest follow.
func (c *CA) All(newestOnly bool) iter.Seq2[store.Issued, error] { return c.store.All(newestOnly) }

// IsWeak reports whether a passphrase is easy to guess.
func IsWeak(passphrase string) bool { return export.PassphraseBits(passphrase) < weakBits }

// weakBits is the strength below which a root's passphrase gets a note: a folder
// that was copied can be tried at leisure, slowed by 600,000 rounds of PBKDF2.
const weakBits = 45
