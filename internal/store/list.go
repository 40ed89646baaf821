package store

import (
	"iter"
	"path"
	"runtime"
	"slices"
	"sync"
)

// All yields every certificate in the store, or the newest of each holder,
// ordered by folder and number. All cores verify, and only a few certificates
// are in memory at a time. An error stands for one certificate, whose Place is
// yielded with it, or for all of a holder, and the rest follow.
func (s *Store) All(newestOnly bool) iter.Seq2[Issued, error] {
	return func(yield func(Issued, error) bool) {
		reader, err := s.newReader()
		if err == nil {
			err = reader.fault
		}
		if err != nil && !yield(Issued{}, err) || reader == nil {
			return
		}
		f, holders, err := s.issuedFolder()
		if err != nil {
			yield(Issued{Place: "issued"}, err)
			return
		}
		defer f.close()
		list := func(holder string) holding { return reader.list(f, holder, newestOnly) }
		for held := range ordered(holders, list) {
			for r := range reader.each(held) {
				if !yield(r.issued, r.err) {
					return
				}
			}
		}
	}
}

type (
	result struct {
		issued Issued
		err    error
	}
	// holding are the certificates of a holder: the first few, and the names of
	// the others, of which there may be thousands.
	holding struct {
		dir  string
		few  []result
		rest []string
	}
)

// few is how many certificates are read at once.
const few = 8

// list opens and reads a folder of issued/. It has no certificates if it is not a
// holder's.
func (r *reader) list(issued folder, holder string, newestOnly bool) holding {
	held := holding{dir: path.Join("issued", holder)}
	f, err := issued.openIfFolder(holder)
	if f.root != nil {
		defer f.close()
		held.rest, err = f.certificates(newestOnly)
	}
	if err != nil {
		held.few = []result{{Issued{Place: held.dir}, err}}
		return held
	}
	for len(held.rest) > 0 && len(held.few) < few {
		held.few = append(held.few, r.entry(f, held.rest[0]))
		held.rest = held.rest[1:]
	}
	return held
}

// each yields the certificates of a holder. All cores read those that are left.
func (r *reader) each(held holding) iter.Seq[result] {
	return func(yield func(result) bool) {
		for _, one := range held.few {
			if !yield(one) {
				return
			}
		}
		rest := func(entry string) result {
			issued, err := r.read(path.Join(held.dir, entry))
			return result{issued, err}
		}
		ordered(held.rest, rest)(yield)
	}
}

// certificates lists the certificates in a holder's folder, or only the newest.
func (f folder) certificates(newestOnly bool) ([]string, error) {
	if !newestOnly {
		return f.numbered()
	}
	last, err := f.last(func(name string) (bool, error) { return f.isFolder(path.Base(name)) })
	if err != nil || last == "" {
		return nil, err
	}
	return []string{last}, nil
}

func (r *reader) entry(holder folder, entry string) result {
	f, err := holder.open(entry)
	if err != nil {
		return result{Issued{Place: path.Join(holder.name, entry)}, err}
	}
	defer f.close()
	issued, err := r.readFrom(f)
	return result{issued, err}
}

// issuedFolder opens issued/ and lists it in order. Without one there are no
// holders, and the folder needs no closing.
func (s *Store) issuedFolder() (folder, []string, error) {
	there, err := s.exists("issued")
	if err != nil || !there {
		return s.top(), nil, err
	}
	f, err := s.folder("issued")
	if err != nil {
		return folder{}, nil, err
	}
	names, err := f.names()
	if err != nil {
		f.close()
		return folder{}, nil, err
	}
	return f, sorted(names), nil
}

// places yields the folder of each certificate in order, without looking into
// it. With an error the place is that of a holder's folder.
func (s *Store) places() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		f, holders, err := s.issuedFolder()
		if err != nil {
			yield("issued", err)
			return
		}
		defer f.close()
		for _, holder := range holders {
			dir := path.Join("issued", holder)
			entries, err := f.numberedIn(holder)
			if err != nil && !yield(dir, err) {
				return
			}
			for _, entry := range entries {
				if !yield(path.Join(dir, entry), nil) {
					return
				}
			}
		}
	}
}

// numberedIn lists the numbered folders in a folder of this one, none if that
// is not a folder.
func (f folder) numberedIn(base string) ([]string, error) {
	below, err := f.openIfFolder(base)
	if err != nil || below.root == nil {
		return nil, err
	}
	defer below.close()
	return below.numbered()
}

// openIfFolder opens a folder in this one; the zero folder is returned if it is
// something else.
func (f folder) openIfFolder(base string) (folder, error) {
	isFolder, err := f.isFolder(base)
	if err != nil || !isFolder {
		return folder{}, err
	}
	return f.open(base)
}

// anyIssued reports whether any certificate was ever issued, damaged or not.
func (s *Store) anyIssued() (bool, error) {
	for place, err := range s.places() {
		if err != nil {
			return false, err
		}
		if there, err := s.exists(place + "/cert.pem"); there || err != nil {
			return there, err
		}
	}
	return false, nil
}

// ordered yields the results of work in the order of the jobs. All cores work, on
// a few jobs at once, and they are at most a few steps ahead of what was yielded.
func ordered[J, R any](jobs []J, work func(J) R) iter.Seq[R] {
	type task struct {
		jobs    []J
		results chan []R
	}
	return func(yield func(R) bool) {
		workers := runtime.GOMAXPROCS(0)
		tasks, queue, done := make(chan task), make(chan chan []R, 4*workers), make(chan struct{})
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(done)
		for range workers {
			wg.Go(func() {
				for t := range tasks {
					results := make([]R, len(t.jobs))
					for i, j := range t.jobs {
						results[i] = work(j)
					}
					t.results <- results
				}
			})
		}
		wg.Go(func() {
			defer close(queue)
			defer close(tasks)
			for some := range slices.Chunk(jobs, few) {
				t := task{some, make(chan []R, 1)}
				select {
				case queue <- t.results:
				case <-done:
					return
				}
				tasks <- t // the workers never wait for anything else
			}
		})
		for results := range queue {
			for _, r := range <-results {
				if !yield(r) {
					return
				}
			}
		}
	}
}
