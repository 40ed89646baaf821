package terminal

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Counter prints how far a long operation is, on a line each second.
type Counter struct {
	w    io.Writer // nil without a terminal
	now  func() time.Time
	what string
	done int
	all  int
	last time.Time
}

// NewCounter returns a counter of so many steps, such as "checked 20 of 100". It
// prints nothing unless w is a terminal.
func NewCounter(w io.Writer, now func() time.Time, what string, all int) *Counter {
	c := &Counter{now: now, what: what, all: all}
	if Is(w) {
		c.w, c.last = w, now()
	}
	return c
}

// Step counts one more.
func (c *Counter) Step() {
	c.done++
	if c.w == nil {
		return
	}
	if now := c.now(); now.Sub(c.last) >= time.Second {
		fmt.Fprintf(c.w, "%s %d of %d\n", c.what, c.done, c.all)
		c.last = now
	}
}

// Progress shows on one line what is under way, once that has taken a second.
type Progress struct {
	out   io.Writer // nil without a terminal
	now   func() time.Time
	start time.Time
	width int
}

// NewProgress begins now. It prints nothing unless w is a terminal.
func NewProgress(w io.Writer, now func() time.Time) *Progress {
	p := &Progress{now: now, start: now()}
	if Is(w) {
		p.out = w
	}
	return p
}

// Show takes the place of the text before.
func (p *Progress) Show(text string) {
	if p.out == nil || p.now().Sub(p.start) < time.Second {
		return
	}
	text = Printable(text)
	fmt.Fprintf(p.out, "\r%-*s", p.width, text)
	p.width = max(p.width, len(text))
}

// Clear leaves an empty line for what is printed next.
func (p *Progress) Clear() {
	if p.width > 0 {
		fmt.Fprintf(p.out, "\r%s\r", strings.Repeat(" ", p.width))
		p.width = 0
	}
}
