package push

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/picoca/picoca/internal/errno"
	"github.com/picoca/picoca/internal/fault"
)

// UpdatesPort is where boards take updates, unless their project has another port.
const UpdatesPort = 8443

// Updates is what picoca and a board that takes its certificate over HTTPS prove
// to each other.
type Updates struct {
	// Name is the board's in its certificate, which must come from Roots and be valid
	// at Now. One that has ended proves as much if Known, given its DER, says that the
	// board may still have it.
	Name string
	Port int // that its project has
	// Elsewhere are other places where the board may be, for when nothing answers at
	// the one that was opened, or what does is not the board.
	Elsewhere []string
	Roots     *x509.CertPool
	Now       time.Time
	Known     func(der []byte) bool
	// Revoked says whether a certificate proves nothing more: someone else may have
	// its key.
	Revoked func(leaf *x509.Certificate) bool
	// Newest is the certificate in DER that the board is to have.
	Newest []byte
	// Owners are the client certificates that the board may accept. It is given the
	// first one.
	Owners []tls.Certificate
}

// updates is a board with the program of picoca example --updates: each file is
// sent with PUT into the folder that is not in use. After "POST /try", which names
// them all, the board shows the new certificate on this port only; "POST /live"
// succeeds if the one that this connection shows is from now on in use. "GET /trust"
// names the contents of the page for phones beside it.
type updates struct {
	place   string
	address string
	dial    Dial
}

const (
	// updatesTime is for one connection: a board that has a visitor finishes with it
	// first.
	updatesTime = 90 * time.Second
	// elsewhereTime is for reaching a place when there are others. A board accepts
	// connections while it has a visitor; TCP asks again after 1, 3 and 7 seconds.
	elsewhereTime = 15 * time.Second
)

// UpdatesPlace returns the place of a board that takes updates.
func UpdatesPlace(name string, port int) string {
	return "https://" + net.JoinHostPort(name, strconv.Itoa(port))
}

// openUpdates reads the place. The board is not reached before Put.
func openUpdates(place string, dial Dial) (*Device, error) {
	address, err := updatesAddress(place)
	if err != nil {
		return nil, err
	}
	return &Device{Kind: HTTPS, Place: place, updates: &updates{place, address, dial}}, nil
}

func updatesAddress(place string) (string, error) {
	base, err := url.Parse(place)
	if err != nil || base.Hostname() == "" || base.Port() != "" && !isPort(base.Port()) || base.User != nil || strings.ContainsAny(place, "?#") || base.Path != "" && base.Path != "/" {
		return "", &PlaceError{place, "is not the address of a board", fault.Hintf("write it as https://192.168.1.42:%d, without a path", UpdatesPort)}
	}
	return net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), strconv.Itoa(UpdatesPort))), nil
}

func isPort(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return err == nil && number > 0
}

// put has the board take the files, and proves that it uses them. Until the last
// request, whatever happens, it has what it had before.
func (u *updates) put(ctx context.Context, files []File, o Options) ([]Done, error) {
	board, owner, err := u.find(ctx, o.Updates)
	if err != nil {
		return nil, err
	}
	defer board.close()
	page, takesPage, err := board.page(files)
	if err != nil {
		return nil, err
	}
	isCurrent := board.shows(o.Updates.Newest) && owner == 0 && (!takesPage || page == pageDigest(files))
	done := doneOf(files, takesPage, isCurrent)
	if isCurrent { // the pair may be on trial only: an earlier push was interrupted
		return done, board.goLive()
	}
	if err := u.send(board, files, takesPage, o); err != nil {
		return done, err
	}
	board.close() // it serves one connection at a time
	return done, u.prove(ctx, o.Updates)
}

// prove has the board use the new certificate, once it was seen to work.
func (u *updates) prove(ctx context.Context, access *Updates) error {
	board, err := u.connect(ctx, access, 0)
	if err != nil {
		return &UnprovenError{u.place, err}
	}
	defer board.close()
	if !board.shows(access.Newest) {
		return &UnprovenError{u.place, errors.New("the board shows another certificate")}
	}
	return board.goLive()
}

// doneOf is what becomes of files.
func doneOf(files []File, takesPage, isCurrent bool) []Done {
	done := make([]Done, len(files))
	for i, file := range files {
		done[i] = Done{Name: file.Name, Bytes: len(file.Data), Private: file.Private, State: Written}
		switch {
		case file.Public && !takesPage:
			done[i].State = Kept
		case isCurrent:
			done[i].State = Unchanged
		}
	}
	return done
}

// pageDigest names the contents of all files for phones, as a board does.
func pageDigest(files []File) string {
	var all []string // sorted as text: sorting files would make the program 20 KB larger
	for _, file := range files {
		if file.Public {
			all = append(all, fmt.Sprintf("%s %d\n%s", file.Name, len(file.Data), file.Data))
		}
	}
	slices.Sort(all)
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, ""))))
}

func (u *updates) send(board *updatesConn, files []File, takesPage bool, o Options) error {
	var names []string
	for _, file := range files {
		if file.Public && !takesPage {
			continue
		}
		if err := board.ask(http.MethodPut, "/"+file.Name, file.Data); err != nil {
			return err
		}
		names = append(names, file.Name)
		if o.Progress != nil {
			o.Progress(file.Name, len(file.Data), len(file.Data))
		}
	}
	return board.ask(http.MethodPost, "/try", []byte(strings.Join(names, " ")))
}

// find connects to the board where it was, else where it may be: wherever that is, it
// proves who it is before anything is sent. The place is from then on that one. A
// board that refuses all owners is not looked for elsewhere.
func (u *updates) find(ctx context.Context, access *Updates) (*updatesConn, int, error) {
	var faults []error
	for _, place := range slices.Concat([]string{u.place}, access.Elsewhere) {
		address, err := updatesAddress(place)
		if err != nil {
			return nil, 0, err
		}
		there := &updates{place, address, u.dial}
		board, owner, err := there.greet(ctx, access)
		if _, refused := errors.AsType[*RefusedError](err); err == nil || refused || ctx.Err() != nil {
			*u = *there
			return board, owner, err
		}
		faults = append(faults, err)
	}
	if len(faults) == 1 {
		return nil, 0, faults[0]
	}
	return nil, 0, &LostError{access.Name, access.Port, faults}
}

// greet connects as the first owner that the board accepts, and returns which.
func (u *updates) greet(ctx context.Context, access *Updates) (*updatesConn, int, error) {
	var err error
	for i := range access.Owners {
		var board *updatesConn
		if board, err = u.connect(ctx, access, i); err == nil {
			return board, i, nil
		}
		if _, refused := errors.AsType[*RefusedError](err); !refused {
			break
		}
	}
	return nil, 0, err
}

// connect proves that the board is the one with the name before anything is sent
// to it. It fails with a StrangerError, a RefusedError or a GoneError.
func (u *updates) connect(ctx context.Context, access *Updates, owner int) (*updatesConn, error) {
	late, cancel := context.WithTimeoutCause(ctx, updatesTime, errSilent)
	c := &updatesConn{u: u, access: access, ctx: ctx, late: late, stop: cancel}
	plain, err := u.reach(late, len(access.Elsewhere) > 0)
	if err != nil {
		defer cancel()
		return nil, c.fault(err)
	}
	known := false
	c.tls = tls.Client(plain, &tls.Config{
		ServerName:           access.Name,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &access.Owners[owner], nil },
		InsecureSkipVerify:   true, // VerifyConnection does it: crypto/tls accepts none that has ended
		VerifyConnection: func(state tls.ConnectionState) (err error) {
			err = access.verify(state.PeerCertificates[0], u.place)
			known = err == nil
			return err
		},
	})
	context.AfterFunc(late, func() { plain.Close() })
	if err := c.tls.HandshakeContext(late); err != nil {
		defer c.close()
		return nil, c.greetFault(err, known)
	}
	c.reader = bufio.NewReader(c.tls)
	return c, nil
}

// reach dials the board, for a shorter time if it may be elsewhere.
func (u *updates) reach(ctx context.Context, elsewhere bool) (net.Conn, error) {
	if !elsewhere {
		return u.dial(ctx, "tcp", u.address)
	}
	short, cancel := context.WithTimeoutCause(ctx, elsewhereTime, errSilent)
	defer cancel()
	conn, err := u.dial(short, "tcp", u.address)
	if err != nil && ctx.Err() == nil && short.Err() != nil {
		err = context.Cause(short)
	}
	return conn, err
}

// byName returns where the board is by its name, "" if that is the place.
func (a *Updates) byName(place string) string {
	if named := UpdatesPlace(a.Name, a.Port); named != place {
		return named
	}
	return ""
}

// verify fails with a StrangerError unless the certificate is the board's.
func (a *Updates) verify(leaf *x509.Certificate, place string) error {
	at := a.Now
	if at.After(leaf.NotAfter) && a.Known(leaf.Raw) {
		at = leaf.NotAfter // the board was off while its certificate ended
	}
	if a.Revoked(leaf) {
		return &StrangerError{place, errRevoked, a.byName(place)}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: a.Name, Roots: a.Roots, CurrentTime: at}); err != nil {
		return &StrangerError{place, err, a.byName(place)}
	}
	return nil
}

// updatesConn is a connection to a board that has proved who it is, and has
// accepted the owner.
type updatesConn struct {
	u         *updates
	access    *Updates
	ctx, late context.Context
	stop      func()
	tls       *tls.Conn
	reader    *bufio.Reader
}

func (c *updatesConn) close() {
	_ = c.tls.Close() // the board has answered, or the error is known
	c.stop()
}

// shows reports whether the board uses a certificate on this connection.
func (c *updatesConn) shows(der []byte) bool {
	return bytes.Equal(c.tls.ConnectionState().PeerCertificates[0].Raw, der)
}

// page returns the digest of what the board has for phones, and whether files can
// replace that.
func (c *updatesConn) page(files []File) (digest string, replaceable bool, err error) {
	if !slices.ContainsFunc(files, func(file File) bool { return file.Public }) {
		return "", false, nil
	}
	status, text, err := c.request(http.MethodGet, "/trust", nil)
	if status != http.StatusOK {
		text = "" // it may be damaged
	}
	return text, status != http.StatusNotFound, err
}

// ask wants a request to succeed.
func (c *updatesConn) ask(method, path string, body []byte) error {
	status, text, err := c.request(method, path, body)
	if err == nil && status != http.StatusOK {
		err = &UpdateError{c.u.place, status, text}
	}
	return err
}

// request sends a request as RFC 9112 has it.
func (c *updatesConn) request(method, path string, body []byte) (status int, text string, err error) {
	request := fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", method, path, c.u.address, len(body))
	if _, err := c.tls.Write(append(request, body...)); err != nil {
		return 0, "", c.fault(err)
	}
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return 0, "", c.fault(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, 200))
	if err != nil {
		return 0, "", c.fault(err)
	}
	return answer.StatusCode, string(data), nil
}

// goLive has the board use what this connection shows. It also gives the board the
// time, for one that has no internet.
func (c *updatesConn) goLive() error {
	return c.ask(http.MethodPost, "/live", strconv.AppendInt(nil, c.access.Now.Unix(), 10))
}

// fault is what ended a connection.
func (c *updatesConn) fault(err error) error {
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case c.late.Err() != nil:
		err = context.Cause(c.late)
	}
	other := fmt.Sprintf("its address instead of its name: --to https://ADDRESS:%d", c.access.Port)
	if named := c.access.byName(c.u.place); named != "" {
		other = "under its name: --to " + named
	}
	return fault.With(&GoneError{c.u.place, err}, fault.Hintf("check that the board is on and in this network, and that its program takes updates; %s; over a cable: --to PORT", other))
}

// greetFault is what ended a handshake: known says that the board had proved who
// it is, so that it was the board that ended it.
func (c *updatesConn) greetFault(err error, known bool) error {
	alert, sent := errors.AsType[*net.OpError](err)
	hungUp := errors.Is(err, io.EOF) || errno.Is(err, syscall.ECONNRESET) || sent && alert.Op == "remote error"
	stranger, unverified := errors.AsType[*StrangerError](err)
	switch {
	case c.ctx.Err() != nil || c.late.Err() != nil:
	case unverified:
		return stranger
	case known && hungUp:
		return &RefusedError{c.u.place}
	}
	return c.fault(err)
}
