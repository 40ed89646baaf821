package e2e

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// rootFor is the authority's certificate in the form that the stack reads.
func (h home) rootFor(s stack) string {
	file := h.path("root-for-" + s.name)
	format := "der"
	if s.readsPEM() {
		format = "pem"
	}
	h.run("export", "ca", "--format", format, "--out", file, "--force")
	return file
}

// TestBoardsLetIdentitiesIn: a board that asks for a certificate lets in who
// shows the .p12 that picoca wrote, and neither a stranger with his nor nobody.
func TestBoardsLetIdentitiesIn(t *testing.T) {
	b, h, stranger := boardBench(t), newDoor(t), newDoor(t)
	h.run("export", "pico.local", "--format", "der", "--out", h.path("board"))
	curl := callers[0]
	for _, s := range stacks {
		t.Run(s.name, func(t *testing.T) {
			server := b.serve(t, s, "--cert", h.path("board", "cert.der"), "--key", h.path("board", "key.der"), "--ca", h.rootFor(s), "--connections", "4")
			port := strconv.Itoa(server.port)
			for _, profile := range p12Profiles {
				if out, err := curl.visit(t, h, port, curl.id(h, profile)); err != nil || !strings.Contains(out, boardSays) {
					t.Errorf("%s: %v\n%s", profile, err, out)
				}
			}
			if out, err := curl.visit(t, h, port, curl.id(stranger, "modern2023")); err == nil {
				t.Errorf("a stranger's identity is let in\n%s", out)
			}
			if out, err := curl.visit(t, h, port, nil); err == nil {
				t.Errorf("nobody is let in\n%s", out)
			}
			checkDoor(t, server.report())
		})
	}
}

// TestBoardsServeFromTheCHeader: what a C program finds in the header's arrays,
// mbedTLS serves.
func TestBoardsServeFromTheCHeader(t *testing.T) {
	b, h := boardBench(t), newDoor(t)
	dir := h.path("c")
	h.run("export", "pico.local", "--format", "c-header", "--out", dir)
	if err := os.WriteFile(dir+"/main.c", []byte(dumpArrays), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := outside(t, "gcc", "gcc", "-o", dir+"/dump", dir+"/main.c"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := outside(t, "dash", "sh", "-c", "cd '"+dir+"' && ./dump"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, s := range stacks {
		server := b.serve(t, s, "--cert", dir+"/cert", "--key", dir+"/key")
		out, err := callers[0].visit(t, h, strconv.Itoa(server.port), nil)
		if err != nil || !strings.Contains(out, boardSays) {
			t.Errorf("%s: %v\n%s", s.name, err, out)
		}
		if c := server.report().first(t); !c.OK || !c.Answered {
			t.Errorf("%s: the board saw %d (%s)", s.name, c.Error, c.Message)
		}
	}
}

// TestBoardsServeTheESPFiles: the same mbedTLS reads PEM there.
func TestBoardsServeTheESPFiles(t *testing.T) {
	b, h := boardBench(t), newDoor(t)
	dir := h.path("esp")
	h.run("export", "pico.local", "--format", "esp-idf", "--out", dir)
	for _, s := range stacks {
		if !s.readsPEM() {
			continue
		}
		server := b.serve(t, s, "--cert", dir+"/servercert.pem", "--key", dir+"/prvtkey.pem", "--ca", dir+"/cacert.pem")
		out, err := callers[0].visit(t, h, strconv.Itoa(server.port), callers[0].id(h, "legacy-des"))
		if err != nil || !strings.Contains(out, boardSays) {
			t.Errorf("%s: %v\n%s", s.name, err, out)
		}
	}
}
