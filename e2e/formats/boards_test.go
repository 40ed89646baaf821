package formats

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// rootFor is the authority's certificate in the form that the stack reads.
func rootFor(h rig.Home, s rig.Stack) string {
	file := h.Path("root-for-" + s.Name)
	format := "der"
	if s.ReadsPEM() {
		format = "pem"
	}
	h.Run("export", "ca", "--format", format, "--out", file, "--force")
	return file
}

// TestBoardsLetIdentitiesIn: a board that asks for a certificate lets in who
// shows the .p12 that picoca wrote, neither a stranger with an identity of his own nor a client without one.
func TestBoardsLetIdentitiesIn(t *testing.T) {
	b, h, stranger := rig.BoardBench(t), newDoor(t), newDoor(t)
	h.Run("export", "pico.local", "--format", "der", "--out", h.Path("board"))
	curl := callers[0]
	for _, s := range rig.Stacks {
		t.Run(s.Name, func(t *testing.T) {
			server := b.Serve(t, s, "--cert", h.Path("board", "cert.der"), "--key", h.Path("board", "key.der"), "--ca", rootFor(h, s), "--connections", "4")
			port := strconv.Itoa(server.Port)
			for _, profile := range p12Profiles {
				if out, err := curl.visit(t, h, port, curl.id(h, profile)); err != nil || !strings.Contains(out, rig.BoardSays) {
					t.Errorf("%s: %v\n%s", profile, err, out)
				}
			}
			if out, err := curl.visit(t, h, port, curl.id(stranger, "modern2023")); err == nil {
				t.Errorf("a stranger's identity is let in\n%s", out)
			}
			if out, err := curl.visit(t, h, port, nil); err == nil {
				t.Errorf("no one is let in\n%s", out)
			}
			rig.CheckDoor(t, server.Report())
		})
	}
}

// TestBoardsServeFromTheCHeader: what a C program finds in the header's arrays,
// mbedTLS serves.
func TestBoardsServeFromTheCHeader(t *testing.T) {
	b, h := rig.BoardBench(t), newDoor(t)
	dir := h.Path("c")
	h.Run("export", "pico.local", "--format", "c-header", "--out", dir)
	if err := os.WriteFile(dir+"/main.c", []byte(dumpArrays), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := rig.Outside(t, "gcc", "gcc", "-o", dir+"/dump", dir+"/main.c"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := rig.Outside(t, "dash", "sh", "-c", "cd '"+dir+"' && ./dump"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, s := range rig.Stacks {
		server := b.Serve(t, s, "--cert", dir+"/cert", "--key", dir+"/key")
		out, err := callers[0].visit(t, h, strconv.Itoa(server.Port), nil)
		if err != nil || !strings.Contains(out, rig.BoardSays) {
			t.Errorf("%s: %v\n%s", s.Name, err, out)
		}
		if c := server.Report().First(t); !c.OK || !c.Answered {
			t.Errorf("%s: the board saw %d (%s)", s.Name, c.Error, c.Message)
		}
	}
}

// TestBoardsServeTheESPFiles: the same mbedTLS reads PEM there.
func TestBoardsServeTheESPFiles(t *testing.T) {
	b, h := rig.BoardBench(t), newDoor(t)
	dir := h.Path("esp")
	h.Run("export", "pico.local", "--format", "esp-idf", "--out", dir)
	for _, s := range rig.Stacks {
		if !s.ReadsPEM() {
			continue
		}
		server := b.Serve(t, s, "--cert", dir+"/servercert.pem", "--key", dir+"/prvtkey.pem", "--ca", dir+"/cacert.pem")
		out, err := callers[0].visit(t, h, strconv.Itoa(server.Port), callers[0].id(h, "legacy-des"))
		if err != nil || !strings.Contains(out, rig.BoardSays) {
			t.Errorf("%s: %v\n%s", s.Name, err, out)
		}
	}
}
