package trust

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/picoca/picoca/internal/fault"
)

// A browser is one kind of browser's places: policies for all users, and this
// user's databases.
type browser struct {
	policies  []place
	databases []*nssDB
	// installed: it is here, and reads the policies.
	installed bool
	// preferred: where root's rights can be had, the policy is better than the
	// databases.
	preferred bool
	// copies: what the policy names is copied into every database that does not
	// trust it yet.
	copies bool
}

func (c *Computer) browsers(req Request) []browser {
	var all []browser
	if c.ownSystem() { // they read the system's store
		return nil
	}
	if slices.Contains(req.Stores, Chromium) {
		installed := slices.ContainsFunc(chromiums, func(b chromium) bool { return c.program(b.programs...) != "" })
		all = append(all, browser{policies: c.chromiumPolicies(), databases: c.chromiumDBs(), installed: installed})
	}
	if slices.Contains(req.Stores, Firefox) {
		policy := &firefoxPolicy{c}
		all = append(all, browser{policies: []place{policy}, databases: c.firefoxDBs(), installed: c.firefoxProgram() != "",
			preferred: c.hasRoot() && policy.hidden() == "", copies: true})
	}
	return all
}

// outer returns the places that are no browser's.
func (c *Computer) outer(req Request) (system, java []place) {
	if slices.Contains(req.Stores, System) && (req.Scope != ThisUser || c.ownSystem()) {
		if s := c.system(); s != nil {
			system = append(system, s)
		}
	}
	if slices.Contains(req.Stores, Java) {
		for _, k := range c.keystores() {
			if req.Scope != ThisUser || k.writable() {
				java = append(java, k)
			}
		}
	}
	return system, java
}

// ownSystem reports whether the system's store is this user's own.
func (c *Computer) ownSystem() bool { return c.OS == "darwin" || c.OS == "windows" }

// wanted returns the places that installing fills.
func (c *Computer) wanted(ctx context.Context, req Request, roots []root) []place {
	places, java := c.outer(req)
	for _, b := range c.browsers(req) {
		policies := req.Scope == AllUsers || req.Scope == Default && b.preferred && b.installed
		policies = policies || b.covers(ctx, roots)
		if policies {
			places = append(places, c.forestalled(b)...)
		}
		places = append(places, b.places(policies)...)
	}
	return append(places, java...)
}

// forestalled returns the databases that should trust the roots before the
// browser copies them from its policy: what it copies, certutil may not be able
// to take out again.
func (c *Computer) forestalled(b browser) []place {
	var all []place
	for _, db := range b.databases {
		if b.copies && db.covered && c.program(certutil) != "" {
			db.optional = true
			all = append(all, db)
		}
	}
	return all
}

// present returns the places whose state counts: where a policy makes the roots
// trusted, this user's databases need not.
func (c *Computer) present(ctx context.Context, req Request, roots []root) []place {
	places, java := c.outer(req)
	for _, b := range c.browsers(req) {
		covered := b.covers(ctx, roots) || b.installed && len(b.databases) == 0
		places = append(places, b.places(covered)...)
	}
	return append(places, java...)
}

// all returns every place that exists and may hold a root. Firefox copies what
// its policy names into the profiles, where it stays.
func (c *Computer) all(req Request) []place {
	places, java := c.outer(req)
	for _, b := range c.browsers(req) {
		for _, p := range b.policies {
			if _, file := p.where(); req.Scope != ThisUser && (c.isFile(file) || c.glob(path.Join(path.Dir(file), prefix+"*")) != nil) {
				places = append(places, p)
			}
		}
		for _, db := range b.databases {
			if db.exists() {
				places = append(places, db)
			}
		}
	}
	return append(places, java...)
}

// places returns the policies with the databases that they do not cover, or all
// databases.
func (b browser) places(policies bool) []place {
	var all []place
	if policies {
		all = append(all, b.policies...)
	}
	for _, db := range b.databases {
		if !policies || !db.covered {
			all = append(all, db)
		}
	}
	return all
}

// covers reports whether all policies make the roots trusted.
func (b browser) covers(ctx context.Context, roots []root) bool {
	for _, p := range b.policies {
		if found, err := p.look(ctx, roots); err != nil || found.state(roots) != Trusted {
			return false
		}
	}
	return len(b.policies) > 0
}

// NotFound explains why this computer has no store of a kind, for one that
// Status and Install returned nothing for.
func (c *Computer) NotFound(store Store, scope Scope) error {
	apart := store == Chromium || store == Firefox
	everyone := fault.Hintf("%s asks for root access", fault.Command{"trust", "--store", string(store)})
	switch {
	case apart && c.ownSystem():
		return fault.With(fmt.Errorf("%s reads the system's trust store on this computer", store), fault.Run("trust", "--store", "system"))
	case store == System && scope == ThisUser && c.system() != nil:
		return fault.New("the system's trust store is for all users", everyone)
	case store == System:
		return fault.New("no system trust store that picoca knows exists here", fault.Hintf("install the package ca-certificates"))
	case store == Firefox && c.firefoxProgram() != "":
		return fault.With(errors.New("firefox has no profile yet"), fault.Hintf("start Firefox once, then run %s", fault.Command{"trust", "--store", "firefox"}))
	case store == Java && len(c.keystores()) > 0:
		return fault.New("the store of the Java runtime is for all users", everyone)
	case store == Java:
		return fault.New("no Java runtime in PATH or at JAVA_HOME", fault.Hintf("set JAVA_HOME to the runtime's folder"))
	}
	return fault.With(fmt.Errorf("%s is not installed", store), fault.Run("trust", "--store", "all"))
}
