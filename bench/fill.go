package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/durable/faultdisk"
	"github.com/picoca/picoca/internal/store"
)

// fill issues n certificates in a store, the i-th for the name that name(i)
// returns. It is quick, because it starts no process and syncs nothing.
func fill(dir string, n int, name func(i int) string) error {
	unsynced := faultdisk.Plan{NoSync: true}
	s, err := store.Open(dir, store.Options{Wrap: unsynced.Wrap})
	if err != nil {
		return err
	}
	f := filler{store: s, now: time.Now()}
	err = f.open()
	for i := 0; i < n && err == nil; i++ {
		err = f.issue(name(i))
	}
	return errors.Join(err, s.Close())
}

type filler struct {
	store     *store.Store
	authority *ca.Authority
	now       time.Time
}

// open takes the store's lock and its root's key.
func (f *filler) open() error {
	if err := f.store.Lock(context.Background(), func(string) {}); err != nil {
		return err
	}
	root, err := f.store.SigningRoot()
	if err != nil {
		return err
	}
	key, err := f.store.RootKey(root, nil)
	if err != nil {
		return err
	}
	if f.authority, err = ca.NewAuthority(root.Certificate, f.now); err != nil {
		return err
	}
	return f.authority.Unlock(key)
}

func (f *filler) issue(name string) error {
	key, err := ca.P256.Generate()
	if err != nil {
		return err
	}
	leaf, err := f.sign(name, key)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = f.store.Put(store.Record{Name: name, For: "pico-w"}, leaf, key)
	return err
}

func (f *filler) sign(name string, key crypto.Signer) (*x509.Certificate, error) {
	names, err := ca.ParseNames([]string{name})
	if err != nil {
		return nil, err
	}
	profile := ca.Profile{Kind: ca.KindServer, Life: ca.Days(ca.DefaultLeafDays), Cut: true}
	prepared, err := f.authority.Prepare(profile, ca.Holder{Names: names}, key.Public(), f.now)
	if err != nil {
		return nil, err
	}
	return f.authority.Sign(prepared)
}
