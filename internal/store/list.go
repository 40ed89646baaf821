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
		all := ordered(s.jobs(), func(j job) result { return reader.one(j.place, j.err) })
		if newestOnly {
			all = reader.newest()
		}
		for r := range all {
			if !r.none && !yield(r.issued, r.err) {
				return
			}
		}
	}
}

type (
	job struct {
		place string
		err   error
	}
	result struct {
		issued Issued
		err    error
		none   bool
	}
)

func (r *reader) one(place string, err error) result {
	if err != nil {
		return result{issued: Issued{Place: place}, err: err}
	}
	issued, err := r.read(place)
	return result{issued: issued, err: err}
}

// newest yields the newest certificate of each holder. Each holder's folder is
// listed by the core that reads the certificate.
func (r *reader) newest() iter.Seq[result] {
	return func(yield func(result) bool) {
		f, holders, err := r.store.issuedFolder()
		if err != nil {
			yield(result{issued: Issued{Place: "issued"}, err: err})
			return
		}
		defer f.close()
		ordered(slices.Values(holders), func(holder string) result { return r.newestOf(f, holder) })(yield)
	}
}

// newestOf returns the newest certificate in a folder of issued/, none if the
// folder is not a holder's.
func (r *reader) newestOf(issued folder, holder string) result {
	failed := func(place string, err error) result {
		return result{issued: Issued{Place: place}, err: err, none: err == nil}
	}
	isFolder, err := issued.isFolder(holder)
	if err != nil || !isFolder {
		return failed(path.Join("issued", holder), err)
	}
	dir, err := issued.open(holder)
	if err != nil {
		return failed(path.Join("issued", holder), err)
	}
	defer dir.close()
	last, err := dir.last(func(name string) (bool, error) { return dir.isFolder(path.Base(name)) })
	if err != nil || last == "" {
		return failed(dir.name, err)
	}
	f, err := dir.open(last)
	if err != nil {
		return failed(path.Join(dir.name, last), err)
	}
	defer f.close()
	found, err := r.readFrom(f)
	return result{issued: found, err: err}
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

func (s *Store) jobs() iter.Seq[job] {
	return func(yield func(job) bool) {
		for place, err := range s.places() {
			if !yield(job{place, err}) {
				return
			}
		}
	}
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
	isFolder, err := f.isFolder(base)
	if err != nil || !isFolder {
		return nil, err
	}
	below, err := f.open(base)
	if err != nil {
		return nil, err
	}
	defer below.close()
	return below.numbered()
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

// ordered yields the results of work in the order of the jobs. All cores work,
// and they are at most a few jobs ahead of what was yielded.
func ordered[J, R any](jobs iter.Seq[J], work func(J) R) iter.Seq[R] {
	type task struct {
		job    J
		result chan R
	}
	return func(yield func(R) bool) {
		workers := runtime.GOMAXPROCS(0)
		tasks, queue, done := make(chan task), make(chan chan R, 16*workers), make(chan struct{})
		var wg sync.WaitGroup
		defer wg.Wait()
		defer close(done)
		for range workers {
			wg.Go(func() {
				for t := range tasks {
					t.result <- work(t.job)
				}
			})
		}
		wg.Go(func() {
			defer close(queue)
			defer close(tasks)
			for j := range jobs {
				t := task{j, make(chan R, 1)}
				select {
				case queue <- t.result:
				case <-done:
					return
				}
				tasks <- t // the workers never wait for anything else
			}
		})
		for r := range queue {
			if !yield(<-r) {
				return
			}
		}
	}
}
