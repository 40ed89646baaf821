package output

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/picoca/picoca/internal/durable"
	"github.com/picoca/picoca/internal/durable/osdisk"
)

// maxOwn is the largest file that may be one of picoca's: what it writes for one
// certificate has 30 KB.
const maxOwn = 1 << 18

// Check looks at the folder without changing anything, as Open does, and then
// for files of these names. A folder with an interrupted change passes: only
// Prepare can judge it.
func (f *Folder) Check(names []string) error {
	if err := f.enter(); err != nil {
		return err
	}
	all, err := f.list()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(name string) bool { return durable.Committed(name, f.options.Prefix) }) {
		return nil
	}
	return f.judgeNames(all, names)
}

// judge finds what is in the way.
func (f *Folder) judge(names []string) error {
	all, err := f.list()
	if err != nil {
		return err
	}
	return f.judgeNames(all, names)
}

// judgeNames finds what is in the way in a folder with these entries.
func (f *Folder) judgeNames(all, names []string) error {
	if f.dir == nil {
		return nil
	}
	content := func(name string) bool { return !isChange(name) }
	if f.options.Policy.rule == mustBeEmpty && slices.ContainsFunc(all, content) {
		return f.exists(f.shown, "already exists and is not empty", true)
	}
	if err := durable.Replaceable(f.wrap(f.dir), names); err != nil {
		return f.wrongType(err)
	}
	for _, name := range names {
		if err := f.judgeFile(name); err != nil {
			return err
		}
	}
	return nil
}

// wrongType is the error for something that has the name of a file or a folder,
// but is neither.
func (f *Folder) wrongType(err error) error {
	e, ok := errors.AsType[*fs.PathError](err)
	switch {
	case ok && errors.Is(err, durable.ErrNotRegular):
		return f.exists(f.at(e.Path), "is not a regular file", false)
	case ok && errors.Is(err, durable.ErrNotFolder):
		return f.exists(f.at(e.Path), "is not a folder", false)
	}
	return f.failed(err)
}

// judgeFile finds out whether one file may be replaced, if it exists.
func (f *Folder) judgeFile(name string) error {
	_, err := f.wrap(f.dir).Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return f.fail(f.at(name), err)
	case f.options.Policy.rule == mustBeAbsent:
		return f.exists(f.at(name), "already exists", true)
	}
	may, err := f.dir.Replaceable(name)
	switch {
	case err != nil:
		return f.fail(f.at(name), err)
	case !may:
		return f.exists(f.at(name), "belongs to another user", false)
	case f.options.Policy.rule == mayReplaceOwn:
		return f.judgeOwn(name)
	}
	return nil
}

// judgeOwn refuses a file that is not picoca's own.
func (f *Folder) judgeOwn(name string) error {
	data, err := f.dir.Read(name, maxOwn)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && f.options.Policy.own(name, data):
		return nil
	case err == nil, errors.Is(err, osdisk.ErrTooLarge):
		return f.exists(f.at(name), "already exists and picoca did not write it", true)
	}
	return f.fail(f.at(name), err)
}
