package push

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// web is a board's web workflow, CircuitPython's HTTP interface to its files:
// docs.circuitpython.org, "Workflows", "Web".
type web struct {
	place    string
	base     *url.URL
	dial     Dial
	password string
}

// errPlain keeps a private key off the network unless the user insists.
var errPlain = fault.New("the web workflow sends the private key and the password unencrypted, so that anyone in the network can read them",
	fault.Hintf("copy over USB instead; if you trust the network: --insecure-http"))

// Dial makes a connection, as net.Dialer does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// webTime is for a board that is busy with other visitors.
const webTime = time.Minute

func openWeb(ctx context.Context, place string, dial Dial, access Access) (*web, error) {
	base, err := url.Parse(place)
	if err != nil || base.Host == "" || base.Path != "" && base.Path != "/" || base.User != nil {
		return nil, fault.With(fmt.Errorf("%q is not the address of a board", place), fault.Hintf("write it as http://192.168.1.42, without a path or a password"))
	}
	if !access.InsecureHTTP {
		return nil, errPlain
	}
	password, err := access.Password()
	if err != nil {
		return nil, err
	}
	return &web{place, base, dial, string(password)}, nil
}

func (w *web) close() error { return nil }

func (w *web) board(ctx context.Context) (Board, error) {
	data, err := w.read(ctx, bootOut, maxBootOut)
	if isMissing(err) {
		err = fault.With(fmt.Errorf("%s is not a board with CircuitPython: it has no %s", w.place, bootOut), fault.Hintf("check the address"))
	}
	return parseBootOut(string(data)), err
}

// room asks a board, of which older versions do not answer.
func (w *web) room(ctx context.Context) (free, block int64, err error) {
	data, err := w.ask(ctx, http.MethodGet, "/cp/diskinfo.json", nil, "")
	var disks []struct {
		Free  int64 `json:"free"`
		Block int64 `json:"block_size"`
		// Writable is unset in older versions.
		Writable *bool `json:"writable"`
	}
	if err != nil || json.Unmarshal(data, &disks) != nil || len(disks) == 0 || disks[0].Block <= 0 {
		return -1, 1, ctx.Err()
	}
	if disks[0].Writable != nil && !*disks[0].Writable {
		return 0, 0, &WebError{Place: w.place, Status: http.StatusConflict}
	}
	return disks[0].Free, disks[0].Block, nil
}

func (w *web) read(ctx context.Context, name string, most int) ([]byte, error) {
	data, err := w.ask(ctx, http.MethodGet, filePath(name), nil, "")
	return data[:min(len(data), most)], err
}

func (w *web) write(ctx context.Context, file File, _ string, progress func(int)) error {
	_, err := w.ask(ctx, http.MethodPut, filePath(file.Name), file.Data, "")
	if isMissing(err) {
		err = fault.With(fmt.Errorf("%s has no folder for %q", w.place, file.Name), fault.Hintf("create it on the board first"))
	}
	progress(len(file.Data))
	return err
}

func (w *web) swap(ctx context.Context, moves []move) error { return swapOneByOne(ctx, w, moves) }

func (w *web) rename(ctx context.Context, from, to string) error {
	if err := w.remove(ctx, to); err != nil { // 412 otherwise
		return err
	}
	_, err := w.ask(ctx, "MOVE", filePath(from), nil, filePath(to))
	return err
}

func (w *web) remove(ctx context.Context, name string) error {
	_, err := w.ask(ctx, http.MethodDelete, filePath(name), nil, "")
	if isMissing(err) {
		return nil
	}
	return err
}

func (w *web) restart(_ context.Context, hard bool) error {
	if hard {
		return &NoResetError{Web}
	}
	return nil
}

func filePath(name string) string { return (&url.URL{Path: "/fs/" + name}).EscapedPath() }

// ask sends a request, and returns the body of a successful answer. Each has a
// connection of its own: boards have few, and http.Client would add 0.3 MB to the
// program.
func (w *web) ask(ctx context.Context, method, path string, body []byte, destination string) ([]byte, error) {
	late, cancel := context.WithTimeoutCause(ctx, webTime, errSilent)
	defer cancel()
	answer, data, err := w.exchange(late, method, w.request(method, path, body, destination))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil && late.Err() != nil:
		return nil, w.unreachable(context.Cause(late))
	case err != nil:
		return nil, w.unreachable(err)
	case answer.StatusCode < 300:
		return data, nil
	}
	return nil, w.refusal(answer)
}

// request returns a request as RFC 9112 has it.
func (w *web) request(method, path string, body []byte, destination string) []byte {
	var r bytes.Buffer
	fmt.Fprintf(&r, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAuthorization: Basic %s\r\n",
		method, path, w.base.Host, base64.StdEncoding.EncodeToString([]byte(":"+w.password)))
	if destination != "" {
		fmt.Fprintf(&r, "X-Destination: %s\r\n", destination)
	}
	if method == http.MethodPut {
		fmt.Fprintf(&r, "Content-Length: %d\r\n", len(body))
	}
	r.WriteString("\r\n")
	r.Write(body)
	return r.Bytes()
}

func (w *web) exchange(ctx context.Context, method string, request []byte) (*http.Response, []byte, error) {
	conn, err := w.dial(ctx, "tcp", net.JoinHostPort(w.base.Hostname(), cmp.Or(w.base.Port(), "80")))
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := conn.Write(request); err != nil {
		return nil, nil, err
	}
	// ReadResponse has no limit of its own for a header.
	answer, err := http.ReadResponse(bufio.NewReader(io.LimitReader(conn, maxAnswer)), &http.Request{Method: method, URL: w.base})
	if err != nil {
		return nil, nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxFile))
	return answer, data, err
}

func (w *web) unreachable(err error) error {
	return fault.With(&GoneError{w.place, err}, fault.Hintf("check that the board is on and in this network; its address instead of its name: --to http://ADDRESS"))
}

// WebError is an answer of the web workflow that is no success.
type WebError struct {
	Place  string
	Status int
	to     string // where a redirection leads
}

// webAnswers are what the workflow's answers mean.
var webAnswers = map[int]struct {
	text string
	hint fault.Hint
}{
	http.StatusUnauthorized:          {"the board refuses the password (401)", fault.Hintf("it is CIRCUITPY_WEB_API_PASSWORD in the board's settings.toml")},
	http.StatusForbidden:             {"the board's web workflow has no password, and so lets no one write (403)", fault.Hintf("set CIRCUITPY_WEB_API_PASSWORD in its settings.toml, over USB, and restart it")},
	http.StatusNotFound:              {"no such file (404)", fault.Hintf("check that the address is that of a board with CircuitPython")},
	http.StatusConflict:              {"a computer holds the board's drive over USB, so the board cannot write (409)", usbHint},
	http.StatusPreconditionFailed:    {"a file of that name exists (412)", fault.Hintf("run the same command again")},
	http.StatusRequestEntityTooLarge: {"no room for the files (413)", fault.Hintf("delete files that the board no longer needs, then run the same command again")},
	http.StatusExpectationFailed:     {"no room for the files (417)", fault.Hintf("delete files that the board no longer needs, then run the same command again")},
	// CircuitPython up to 10.2 says so instead of 409: its pull request 11017.
	http.StatusInternalServerError: {"the board could not do that (500); usually a computer holds its drive over USB", usbHint},
}

var usbHint = fault.Hintf("push to the drive instead, or unplug the board from the computer and give it power otherwise")

func (e *WebError) Error() string {
	switch answer, known := webAnswers[e.Status]; {
	case e.to != "":
		return fmt.Sprintf("%s: the board is at another address now, %s", e.Place, e.to)
	case known:
		return fmt.Sprintf("%s: %s", e.Place, answer.text)
	}
	return fmt.Sprintf("%s: the answer is HTTP status %d, which the web workflow does not have", e.Place, e.Status)
}

// Hint says what the answer means.
func (e *WebError) Hint() fault.Hint {
	switch answer, known := webAnswers[e.Status]; {
	case e.to != "":
		return fault.Hintf("--to %s", fault.Quote(e.to))
	case known:
		return answer.hint
	}
	return fault.Hintf("check that the address is that of a board with CircuitPython")
}

// Is makes 404 fs.ErrNotExist.
func (e *WebError) Is(target error) bool {
	return target == fs.ErrNotExist && e.Status == http.StatusNotFound
}

func (w *web) refusal(answer *http.Response) error {
	e := &WebError{Place: w.place, Status: answer.StatusCode}
	if to, err := answer.Location(); err == nil && answer.StatusCode < 400 { // circuitpython.local leads to the board's own name
		e.to = strings.TrimSuffix((&url.URL{Scheme: to.Scheme, Host: to.Host}).String(), "/")
	}
	return e
}
