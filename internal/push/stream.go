package push

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// stream is a two-way connection whose answers are waited for by their end. A
// read that blocks is left to a goroutine, which ends with the connection.
type stream struct {
	w      io.Writer
	chunks chan []byte
	done   chan struct{}
	buffer []byte
}

var (
	errSilent = errors.New("no answer")
	errNoise  = errors.New("answers without end")
	errClosed = errors.New("connection lost")
)

// maxAnswer is more than any answer has: a file in hexadecimal.
const maxAnswer = 4 * maxFile

func newStream(r io.Reader, w io.Writer) *stream {
	s := &stream{w: w, chunks: make(chan []byte), done: make(chan struct{})}
	go s.pump(r)
	return s
}

func (s *stream) pump(r io.Reader) {
	defer close(s.chunks)
	for {
		chunk := make([]byte, 4096)
		n, err := r.Read(chunk)
		select {
		case s.chunks <- chunk[:n]:
		case <-s.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// close lets the goroutine go once its read returns.
func (s *stream) close() { close(s.done) }

func (s *stream) write(data []byte) error {
	_, err := s.w.Write(data)
	return err
}

// until returns what comes before end, which is taken too. It fails with
// errSilent if that does not come in time, errClosed, or the context's error.
func (s *stream) until(ctx context.Context, end []byte, wait time.Duration) ([]byte, error) {
	late, cancel := context.WithTimeoutCause(ctx, wait, errSilent)
	defer cancel()
	for {
		if i := bytes.Index(s.buffer, end); i >= 0 {
			found := bytes.Clone(s.buffer[:i])
			s.buffer = s.buffer[i+len(end):]
			return found, nil
		}
		if len(s.buffer) > maxAnswer {
			return nil, errNoise
		}
		select {
		case chunk, open := <-s.chunks:
			if !open {
				return nil, errClosed
			}
			s.buffer = append(s.buffer, chunk...)
		case <-late.Done():
			return nil, context.Cause(late)
		}
	}
}

// maxNoise is more than a stopped program still has to say.
const maxNoise = 64 << 10

// drain drops what comes until it is quiet for a while, or goes on without end,
// and returns how much that was.
func (s *stream) drain(ctx context.Context, quiet time.Duration) int {
	dropped := len(s.buffer)
	s.buffer = nil
	for dropped < maxNoise {
		late, cancel := context.WithTimeout(ctx, quiet)
		select {
		case chunk, open := <-s.chunks:
			cancel()
			if !open {
				return dropped
			}
			dropped += len(chunk)
		case <-late.Done():
			cancel()
			return dropped
		}
	}
	return dropped
}
