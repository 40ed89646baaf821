package trust

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// A File is what a plan's commands read, by its name in the folder where they
// run.
type File struct {
	Name string `json:"name"`
	Data []byte `json:"data"`
}

// A Step is one command of a plan.
type Step struct {
	Args []string `json:"args"` // with sudo in front where it is needed
	Root bool     `json:"root"`
}

// String returns the command as it is typed.
func (s Step) String() string { return line(s.Args) }

// A Part is what a plan does to one store.
type Part struct {
	Status
	Steps []Step // none if nothing needs to change

	place place
	files []File
	undo  []Step
}

// A Plan is what installing or removing will do.
type Plan struct {
	Parts []Part
	// Advice are commands that the plan leaves to the user: keytool's, for Java
	// runtimes that do not follow the system's store.
	Advice []Step

	computer Computer
	roots    []root
	remove   bool
}

// A Result is what became of one store.
type Result struct {
	Store   Store  `json:"store"`
	Place   string `json:"place"`
	Before  State  `json:"before"`
	After   State  `json:"after"`
	Changed bool   `json:"changed"`
	Err     error  `json:"-"` // with a hint, if the store is not as it should be
}

// work is what a place needs for a change.
type work struct {
	steps, undo []Step
	files       []File
}

// A place is one trust store: a file, a folder or a database.
type place interface {
	// where names the kind and the path.
	where() (Store, string)
	// look reads what the place holds.
	look(ctx context.Context, roots []root) (contents, error)
	// install plans how to add roots that are not trusted yet.
	install(ctx context.Context, roots []root) (work, error)
	// remove plans how to take out every trace of roots.
	remove(ctx context.Context, roots []root) (work, error)
}

// Status returns what the stores of this computer trust, one entry for each that
// exists. It runs no command that changes anything.
func (c *Computer) Status(ctx context.Context, req Request) ([]Status, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	roots := rootsOf(req.Roots)
	var all []Status
	for _, p := range c.present(ctx, req, roots) {
		status, _ := look(ctx, p, roots)
		all = append(all, status)
	}
	return all, nil
}

func look(ctx context.Context, p place, roots []root) (Status, contents) {
	store, path := p.where()
	found, err := p.look(ctx, roots)
	if err != nil {
		return Status{store, path, Unknown, err}, found
	}
	return Status{store, path, found.state(roots), nil}, found
}

// Install plans how to make the stores trust the roots. A part that cannot be
// done has its error in Err, and the other parts can still run. It fails if
// picoca was run through sudo.
func (c *Computer) Install(ctx context.Context, req Request) (*Plan, error) {
	return c.plan(ctx, req, false)
}

// Remove plans how to take the roots out of the stores, with every trace.
func (c *Computer) Remove(ctx context.Context, req Request) (*Plan, error) {
	return c.plan(ctx, req, true)
}

func (c Computer) plan(ctx context.Context, req Request, remove bool) (*Plan, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	p := &Plan{computer: c, roots: rootsOf(req.Roots), remove: remove}
	places := c.all(req)
	if !remove {
		places = c.wanted(ctx, req, p.roots)
		p.Advice = c.javaAdvice(ctx, req, p.roots)
	}
	for _, place := range places {
		part := p.part(ctx, place)
		if db, ok := place.(*nssDB); ok && db.optional && part.Err != nil {
			continue
		}
		p.Parts = append(p.Parts, part)
	}
	return p, nil
}

// part plans the change of one place.
func (p *Plan) part(ctx context.Context, place place) Part {
	status, found := look(ctx, place, p.roots)
	part := Part{Status: status, place: place}
	if part.Err != nil {
		return part
	}
	var w work
	if p.remove {
		if traces, _ := split(p.roots, found.traces); len(traces) > 0 {
			w, part.Err = place.remove(ctx, traces)
		}
	} else if _, missing := split(p.roots, found.trusted); len(missing) > 0 {
		w, part.Err = place.install(ctx, missing)
	}
	if part.Err == nil {
		part.Err = p.computer.elevate(w)
	}
	if part.Err == nil {
		part.Steps, part.undo, part.files = w.steps, w.undo, w.files
	}
	return part
}

// elevate puts sudo in front of what needs root, or explains what to run where
// there is no sudo.
func (c *Computer) elevate(w work) error {
	if c.UID == 0 {
		return nil
	}
	var needed []string
	for _, steps := range [][]Step{w.steps, w.undo} {
		for i, step := range steps {
			if step.Root {
				needed = append(needed, step.String())
				steps[i].Args = append([]string{sudo}, step.Args...)
			}
		}
	}
	if len(needed) == 0 || c.program(sudo) != "" {
		return nil
	}
	return &RootError{needed[:len(needed)-len(w.undo)], names(w.files)}
}

func names(files []File) []string {
	var all []string
	for _, file := range files {
		all = append(all, file.Name)
	}
	return all
}

// RootError is a change that needs root, where there is no sudo.
type RootError struct{ Commands, Files []string }

func (e *RootError) Error() string { return "store needs root, and sudo is not installed" }

// Hint returns what root can run instead.
func (e *RootError) Hint() fault.Hint {
	commands := strings.Join(e.Commands, " && ")
	if len(e.Files) == 1 && strings.HasPrefix(e.Files[0], prefix) {
		return fault.Hintf("%s, then as root: %s", fault.Command{"export", "ca", "--out", e.Files[0]}, commands)
	}
	return fault.Hintf("install sudo, or %s for the stores that need no root", fault.Command{"trust", "--user"})
}

// Files returns what the plan's commands read.
func (p *Plan) Files() []File {
	var all []File
	for _, part := range p.Parts {
		for _, file := range part.files {
			if !hasFile(all, file.Name) {
				all = append(all, file)
			}
		}
	}
	return all
}

func hasFile(files []File, name string) bool {
	for _, file := range files {
		if file.Name == name {
			return true
		}
	}
	return false
}

// Run does what the plan says and reads every store back. It calls before with
// each command that it is about to run. A part that fails is undone as far as it
// can be, and the others still run, unless ctx has ended. The error is that of
// the temporary folder.
func (p *Plan) Run(ctx context.Context, before func(Step)) ([]Result, error) {
	dir, err := stage(p.Files())
	if err != nil {
		return nil, fmt.Errorf("temporary folder: %w", err)
	}
	defer os.RemoveAll(dir)
	errs := make([]error, len(p.Parts))
	for i, part := range p.Parts {
		if errs[i] = part.Err; errs[i] == nil {
			errs[i] = p.run(ctx, part, dir, before)
		}
	}
	// Only now: a Java runtime that follows the system's store changes with it.
	var all []Result
	for i, part := range p.Parts {
		all = append(all, p.result(ctx, part, errs[i]))
	}
	return all, nil
}

// stage writes the files into a new folder that only this user and root can
// read.
func stage(files []File) (string, error) {
	dir, err := os.MkdirTemp("", "picoca-trust-")
	for _, file := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, file.Name), file.Data, 0o600)
		}
	}
	if err != nil && dir != "" {
		os.RemoveAll(dir)
	}
	return dir, err
}

func (p *Plan) run(ctx context.Context, part Part, dir string, before func(Step)) error {
	for i, step := range part.Steps {
		err := ctx.Err()
		if err == nil {
			before(step)
			_, err = p.computer.Run(ctx, Command{Args: step.Args, Dir: dir, Time: changeTime})
		}
		if err == nil {
			continue
		}
		if i > 0 { // else nothing has changed
			err = errors.Join(err, p.undo(ctx, part, dir, before))
		}
		return err
	}
	return nil
}

// undo takes back what a failed part has done, even if ctx has ended.
func (p *Plan) undo(ctx context.Context, part Part, dir string, before func(Step)) error {
	var errs []error
	for _, step := range part.undo {
		before(step)
		_, err := p.computer.Run(context.WithoutCancel(ctx), Command{Args: step.Args, Dir: dir, Time: changeTime})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// result reads a store back.
func (p *Plan) result(ctx context.Context, part Part, err error) Result {
	status, found := look(context.WithoutCancel(ctx), part.place, p.roots)
	result := Result{part.Store, part.Place, part.State, status.State, status.State != part.State, err}
	switch {
	case err != nil:
	case status.Err != nil:
		result.Err = status.Err
	case p.remove && len(found.traces) > 0:
		result.Err = p.computer.left(part, p.roots, found)
	case !p.remove && status.State != Trusted:
		result.Err = notTrusted(part)
	}
	result.Changed = result.Changed || err == nil && len(part.Steps) > 0
	return result
}

func notTrusted(part Part) error {
	err := fmt.Errorf("%s does not trust the root, although every command succeeded", part.Place)
	if ks, ok := part.place.(*keystore); ok && ks.follows {
		return fault.With(fmt.Errorf("%s follows the system's store, which does not trust the root", part.Place), fault.Run("trust", "--store", "system"))
	}
	return fault.With(err, fault.Run("trust", "status"))
}

// left explains what a removal could not take out.
func (c *Computer) left(part Part, roots []root, found contents) error {
	traces, _ := split(roots, found.traces)
	if a, ok := part.place.(*anchors); ok {
		return a.left(traces)
	}
	return fault.With(fmt.Errorf("%s still has %s", part.Place, traces[0].name), fault.Run("trust", "remove", "--store", string(part.Store)))
}
