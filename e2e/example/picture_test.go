package example

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// The picture's size in pixels. Chromium's window cannot be narrower.
const (
	pictureWidth  = 500
	pictureHeight = 560
)

// TestPicture makes the README's picture: the page that a board serves, in a
// Chromium that trusts only this CA, and what the browser says of the
// connection. PICOCA_PICTURE names the file to write.
func TestPicture(t *testing.T) {
	name := os.Getenv("PICOCA_PICTURE")
	if name == "" {
		t.Skip("PICOCA_PICTURE names no file: make picture")
	}
	board := newExample(t, exampleOnMicroPython)
	screen := startScreen(t)
	showPage(t, screen, trusting(t, board.home), board.https)
	screen.click(t, 126, 62) // the button left of the address
	previous := screen.look(t)
	for range 50 { // until the browser has drawn everything
		time.Sleep(200 * time.Millisecond)
		now := screen.look(t)
		if bytes.Equal(previous.Pix, now.Pix) {
			break
		}
		previous = now
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, previous); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A screen is an X server without a monitor.
type screen struct {
	display string // ":99"
	dir     string // of the file that holds its pixels
}

func startScreen(t *testing.T) screen {
	t.Helper()
	s := screen{dir: t.TempDir()}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command(rig.Need(t, "Xvfb", "xvfb"), "-displayfd", "3", "-nolisten", "tcp", "-fbdir", s.dir,
		"-screen", "0", fmt.Sprintf("%dx%dx24", pictureWidth, pictureHeight))
	cmd.ExtraFiles = []*os.File{write}
	if err := errors.Join(cmd.Start(), write.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s.display = ":" + strings.TrimSpace(number)
	return s
}

// click moves the pointer and presses its first button.
func (s screen) click(t *testing.T, x, y int) {
	t.Helper()
	cmd := exec.Command(rig.Need(t, "xdotool", "xdotool"), "mousemove", fmt.Sprint(x), fmt.Sprint(y), "click", "1")
	cmd.Env = append(os.Environ(), "DISPLAY="+s.display)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("xdotool: %v\n%s", err, out)
	}
}

// look returns what is on the screen. Its file is an X window dump: a header of
// 32-bit numbers, most significant byte first (X11/XWDFile.h), the colours, and
// the pixels as blue, green, red, nothing.
func (s screen) look(t *testing.T) *image.RGBA {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, "Xvfb_screen0"))
	if err != nil {
		t.Fatal(err)
	}
	field := func(i int) int { return int(binary.BigEndian.Uint32(data[4*i:])) }
	const headerSize, bytesPerLine, colours = 0, 12, 19
	pixels := data[field(headerSize)+12*field(colours):]
	picture := image.NewRGBA(image.Rect(0, 0, pictureWidth, pictureHeight))
	for y := range pictureHeight {
		line := pixels[y*field(bytesPerLine):]
		for x := range pictureWidth {
			copy(picture.Pix[picture.PixOffset(x, y):], []byte{line[4*x+2], line[4*x+1], line[4*x], 0xff})
		}
	}
	return picture
}

// showPage opens the board's page in a browser that fills the screen.
func showPage(t *testing.T, s screen, home, address string) {
	t.Helper()
	rig.NeedDrivers(t)
	options, err := json.Marshal(map[string]string{
		"chromium": rig.Need(t, "chromium", "chromium"), "home": home, "url": "https://pico.local/",
		"resolve": "MAP pico.local " + address, "size": fmt.Sprintf("%d,%d", pictureWidth, pictureHeight),
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(rig.Need(t, "node", "nodejs"), "picture.js", string(options))
	cmd.Dir, cmd.Stderr = rig.ClientDrivers, os.Stderr
	cmd.Env = append(os.Environ(), "DISPLAY="+s.display)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		cmd.Wait()
	})
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("browser: %s", line)
	}
}
