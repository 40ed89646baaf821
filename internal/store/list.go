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
		if err == nil && reader.fault != nil && !yield(Issued{}, reader.fault) {
			return
		}
		read := reader.orElse(err)
		work := func(j job) result {
			if j.err != nil {
				return result{Issued{Place: j.place}, j.err}
			}
			issued, err := read(j.place)
			return result{issued, err}
		}
		for r := range ordered(s.jobs(newestOnly), work) {
			if !yield(r.issued, r.err) {
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
	}
)

func (s *Store) jobs(newestOnly bool) iter.Seq[job] {
	return func(yield func(job) bool) {
		for place, err := range s.places(newestOnly) {
			if !yield(job{place, err}) {
				return
			}
		}
	}
}

// places yields the folder of each certificate in order, without looking into
// it. With an error the place is that of a holder's folder.
func (s *Store) places(newestOnly bool) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		holders, err := s.holders()
		if err != nil {
			yield("issued", err)
			return
		}
		for _, holder := range holders {
			dir := path.Join("issued", holder)
			for _, entry := range s.entriesOf(dir, newestOnly) {
				if !yield(entry.place, entry.err) {
					return
				}
			}
		}
	}
}

// entriesOf returns the places of a holder's certificates.
func (s *Store) entriesOf(dir string, newestOnly bool) []job {
	isFolder, err := s.isFolder(dir)
	if err != nil || !isFolder {
		return failed(dir, err)
	}
	var entries []string
	if newestOnly {
		var last string
		last, err = s.lastEntry(dir)
		entries = slices.DeleteFunc([]string{last}, func(name string) bool { return name == "" })
	} else {
		entries, err = s.entries(dir)
	}
	if err != nil {
		return failed(dir, err)
	}
	jobs := make([]job, len(entries))
	for i, entry := range entries {
		jobs[i].place = path.Join(dir, entry)
	}
	return jobs
}

func failed(dir string, err error) []job {
	if err == nil {
		return nil
	}
	return []job{{dir, err}}
}

// holders lists the names in issued/, in order.
func (s *Store) holders() ([]string, error) {
	names, err := s.entryNames("issued")
	slices.Sort(names)
	return names, err
}

// anyIssued reports whether any certificate was ever issued, damaged or not.
func (s *Store) anyIssued() (bool, error) {
	for place, err := range s.places(true) {
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
