package pki

// inOrder calls work for each number below n on several goroutines, each of which
// has a number of its own, and done with the results in order on the caller's.
// Once done returned false nothing more is started; what is under way is
// completed and handed to done. The fastest is only a little ahead of the slowest.
func inOrder[T any](workers, n int, work func(worker, i int) T, done func(i int, result T) bool) {
	if workers == 1 {
		for i := 0; i < n && done(i, work(0, i)); i++ {
		}
		return
	}
	type task struct {
		i      int
		result chan T
	}
	tasks, queue, stop := make(chan task), make(chan chan T, 2*workers), make(chan struct{})
	for worker := range workers {
		go func() {
			for t := range tasks {
				t.result <- work(worker, t.i)
			}
		}()
	}
	go func() {
		defer close(queue)
		defer close(tasks)
		for i := range n {
			t := task{i, make(chan T, 1)}
			select {
			case <-stop:
				return
			case queue <- t.result:
				tasks <- t // the workers never wait for anything else
			}
		}
	}()
	i, stopped := 0, false
	for result := range queue {
		if !done(i, <-result) && !stopped {
			stopped = true
			close(stop)
		}
		i++
	}
}
