package cli

import (
	"strings"
	"time"

	"github.com/picoca/picoca/internal/pki"
	"github.com/picoca/picoca/internal/push"
	"github.com/picoca/picoca/internal/terminal"
)

// pushedJSON is the result of push as --json prints it.
type pushedJSON struct {
	Name     string    `json:"name"`
	For      string    `json:"for"`
	Serial   string    `json:"serial"`
	NotAfter time.Time `json:"not_after"`
	Kind     push.Kind `json:"kind"`
	To       string    `json:"to"`
	Board    string    `json:"board,omitempty"`
	BoardID  string    `json:"board_id,omitempty"`
	// MovedFrom is where the board was last, if it is elsewhere now.
	MovedFrom string      `json:"moved_from,omitempty"`
	Files     []push.Done `json:"files"`
	Reset     bool        `json:"reset"`
	ToFillIn  string      `json:"to_fill_in,omitempty"`
	Steps     []string    `json:"steps"`
}

func describePush(p *pki.Push, w pki.PushedFiles, reset bool) pushedJSON {
	leaf := pki.Describe(p.Issued)
	r := pushedJSON{
		Name: p.Name(), For: leaf.For, Serial: leaf.Serial, NotAfter: leaf.NotAfter, Kind: p.Kind(), To: p.Place(),
		Board: p.Board().Name, BoardID: p.Board().ID, MovedFrom: w.MovedFrom, Reset: reset, ToFillIn: w.ToFillIn, Steps: []string{},
	}
	r.Files = w.Files
	for _, step := range w.Steps {
		r.Steps = append(r.Steps, strings.TrimSpace(step.Run+step.Do))
	}
	return r
}

func (a *app) printPushed(p *pki.Push, w pki.PushedFiles, o pushOptions) error {
	r := describePush(p, w, o.Reset)
	a.noteUpdates(p, w)
	if a.json {
		return a.printJSON(r)
	}
	a.say("%s, valid until %s, is on %s", pki.DisplayName(r.Name), pki.Day(r.NotAfter), placeText(p))
	a.sayPushed(r.Files)
	if r.ToFillIn != "" {
		a.say("next: put your Wi-Fi name and password into %s on the board, then restart it", r.ToFillIn)
	} else if text := restartText(p.Kind(), w.Files, o.Reset); text != "" {
		a.say("%s", text)
	}
	a.saySteps(p, w)
	return nil
}

// noteUpdates says what is not as picoca remembered it, or as the board should be.
func (a *app) noteUpdates(p *pki.Push, w pki.PushedFiles) {
	if w.KeptPage {
		a.note("the program on the board does not take the page for phones: %s, over a cable", a.command("push", p.Name(), "--example", "--to", "PORT"))
	}
	if w.MovedFrom != "" {
		a.note("%s was not found at %s, but at %s: from now on picoca looks there first", pki.DisplayName(p.Name()), w.MovedFrom, p.Place())
	}
}

// placeText names where the files are: "Raspberry Pi Pico W with rp2040 at
// /media/ann/CIRCUITPY".
func placeText(p *pki.Push) string {
	if p.Board().Name == "" {
		return p.Place()
	}
	return p.Board().Name + " at " + p.Place()
}

// sayPushed prints each file on a line, their states and sizes in columns.
func (a *app) sayPushed(files []push.Done) {
	verbs := map[push.State]string{push.Written: "wrote", push.Unchanged: "unchanged", push.Kept: "kept"}
	first, second := 0, 0
	for _, file := range files {
		first, second = max(first, len(verbs[file.State])), max(second, len(file.Name))
	}
	for _, file := range files {
		text := terminal.Count(file.Bytes, "byte")
		if file.Private {
			text += ", private"
		}
		if file.Copy != "" {
			text += "; yours is now " + file.Copy
		}
		a.say("%-*s %-*s  (%s)", first, verbs[file.State], second, file.Name, text)
	}
}

// restartText says whether the board's program loads the files by itself.
func restartText(kind push.Kind, files []push.Done, reset bool) string {
	written := false
	for _, file := range files {
		written = written || file.State == push.Written
	}
	switch {
	case reset:
		return "the board restarts"
	case written && kind == push.HTTPS:
		return "the board uses it from now on"
	case kind == push.Port:
		return "the board's program starts again"
	case written && kind.IsBoard():
		return "the board starts its program again by itself"
	}
	return ""
}

// saySteps prints what remains to be done where the files are.
func (a *app) saySteps(p *pki.Push, w pki.PushedFiles) {
	where := ""
	if p.Kind() == push.Remote {
		host, _, _ := strings.Cut(p.Place(), ":")
		where = "on " + host + ", "
	}
	for i, step := range w.Steps {
		switch {
		case strings.HasPrefix(step.Run, "ssh "): // from here
			a.say("step %d: run %s", i+1, step.Run)
		case step.Run != "":
			a.say("step %d: %srun %s", i+1, where, step.Run)
		default:
			a.say("step %d: %s", i+1, step.Do)
		}
	}
}
