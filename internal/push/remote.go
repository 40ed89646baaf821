package push

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/picoca/picoca/internal/fault"
)

// A Process is a program of the system that was started.
type Process struct {
	In  io.WriteCloser
	Out io.Reader
	// Wait waits for its end, and says what it complained of.
	Wait func() error
	// Kill ends it.
	Kill func()
}

// remote is a folder on another computer: a POSIX shell there, at the other end
// of the system's ssh, which asks for passwords itself. One connection does all,
// so that it asks once. scp would need several, and could not keep a file's
// owner.
type remote struct {
	place   string
	host    string // as ssh takes it
	process *Process
	s       *stream
	mark    string // ends each answer
	lost    bool
	staged  []string // names of files under way, as the shell takes them
}

const (
	// remoteTime is for one command: syncing a large disk takes its time.
	remoteTime = 5 * time.Minute
	// loginTime is for typing a password.
	loginTime = 10 * time.Minute
)

// ParseRemote splits HOST:DIR as scp does: an IPv6 address is in brackets, which ssh
// does not take.
func ParseRemote(text string) (host, dir string, ok bool) {
	if user, address, inBrackets := strings.Cut(text, "["); inBrackets && (user == "" || strings.HasSuffix(user, "@")) {
		host, dir, ok = strings.Cut(address, "]:")
		return user + host, dir, ok && host != "" && !strings.Contains(user+host, "/")
	}
	host, dir, ok = strings.Cut(text, ":")
	return host, dir, ok && host != "" && !strings.Contains(host, "/")
}

// sshArgs are ssh's. What comes after -- is never an option.
func sshArgs(host string) []string {
	return []string{"-T", "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15", "--", host, "exec sh"}
}

func openRemote(ctx context.Context, place, host, dir string, start func([]string) (*Process, error)) (*remote, error) {
	if strings.HasPrefix(host, "-") {
		return nil, fault.With(fmt.Errorf("%q is not a host: it begins with a hyphen", host), fault.Hintf("write --to HOST:FOLDER"))
	}
	process, err := start(append([]string{"ssh"}, sshArgs(host)...))
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			err = fault.With(errors.New("ssh is not installed"), fault.Hintf("install OpenSSH's client: the package openssh-client (Debian, Ubuntu) or openssh (others)"))
		}
		return nil, err
	}
	r := &remote{place: place, host: host, process: process, s: newStream(process.Out, process.In), mark: rand.Text()}
	if err := r.login(ctx, dir); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// login waits for the shell, past what a login prints, and enters the folder.
func (r *remote) login(ctx context.Context, dir string) error {
	if err := r.s.write(fmt.Appendf(nil, "LC_ALL=C; export LC_ALL; umask 077; echo; echo %s-begin\n", r.mark)); err != nil {
		return r.gone(ctx, err)
	}
	if _, err := r.s.until(ctx, []byte("\n"+r.mark+"-begin\n"), loginTime); err != nil {
		return r.gone(ctx, err)
	}
	_, err := r.run(ctx, "cd "+fault.QuotePOSIX(remoteDir(dir))+" && test -w .")
	if err != nil {
		err = fault.With(err, fault.Hintf("name a folder that exists there, and that this user may write to: --to HOST:FOLDER"))
	}
	return err
}

// remoteDir is a folder as the shell's cd takes it: relative to the home, which
// is where a login begins.
func remoteDir(dir string) string {
	dir = strings.TrimPrefix(dir, "~/")
	switch {
	case dir == "" || dir == "~":
		return "."
	case strings.HasPrefix(dir, "-"):
		return "./" + dir
	}
	return dir
}

// remoteError is a command that failed there.
type remoteError struct {
	place, text string
	status      int
}

func (e *remoteError) Error() string { return fmt.Sprintf("%s: %s", e.place, e.text) }

// Is makes a missing file fs.ErrNotExist.
func (e *remoteError) Is(target error) bool { return target == fs.ErrNotExist && e.status == noFile }

// The statuses by which the scripts below report what is no failure of a
// command.
const (
	noFile = 44
	noLink = 45
)

// run runs a script there, and returns what it printed.
func (r *remote) run(ctx context.Context, script string) ([]byte, error) {
	if r.lost { // the next answer would be that of an earlier command
		return nil, &GoneError{r.place, errOutOfStep}
	}
	if err := r.s.write(fmt.Appendf(nil, "{ %s\n} 2>&1; s=$?; echo; echo %s-$s\n", script, r.mark)); err != nil {
		return nil, r.gone(ctx, err)
	}
	return r.answer(ctx)
}

var errOutOfStep = errors.New("an earlier command was not answered")

func (r *remote) answer(ctx context.Context) ([]byte, error) {
	out, err := r.s.until(ctx, []byte("\n"+r.mark+"-"), remoteTime)
	if err != nil {
		return nil, r.gone(ctx, err)
	}
	line, err := r.s.until(ctx, []byte("\n"), remoteTime)
	if err != nil {
		return nil, r.gone(ctx, err)
	}
	status, err := strconv.Atoi(string(line))
	if err != nil {
		return nil, r.gone(ctx, err)
	}
	if status != 0 {
		return nil, &remoteError{r.place, lastLine(string(out)), status}
	}
	return out, nil
}

func (r *remote) gone(ctx context.Context, err error) error {
	r.lost = true
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errSilent) || errors.Is(err, errNoise) { // it would not end by itself
		return &GoneError{r.place, err}
	}
	_ = r.process.In.Close()
	if why := r.process.Wait(); why != nil {
		return fault.With(fmt.Errorf("%s: %w", r.place, why), fault.Hintf("check that this works: ssh %s", fault.Quote(r.host)))
	}
	return &GoneError{r.place, err}
}

// lastLine returns the last line of what a program printed.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := strings.TrimSpace(lines[len(lines)-1])
	return last[:min(len(last), 300)]
}

func (r *remote) close() error {
	defer r.s.close()
	if r.lost {
		r.process.Kill()
		return nil
	}
	if err := r.process.In.Close(); err != nil { // the shell ends with its input
		return err
	}
	return r.process.Wait()
}

func (r *remote) board(context.Context) (Board, error) { return Board{}, nil }

// room is what df says (POSIX, -P: one line for each file system, in blocks of
// 1024 bytes).
func (r *remote) room(ctx context.Context) (free, block int64, err error) {
	out, err := r.run(ctx, "df -Pk . | tail -n 1")
	if err != nil {
		return -1, 1, ctx.Err()
	}
	fields := strings.Fields(string(out))
	if len(fields) < 6 {
		return -1, 1, nil
	}
	kilobytes, err := strconv.ParseInt(fields[len(fields)-3], 10, 64)
	if err != nil {
		return -1, 1, nil
	}
	return kilobytes * 1024, 4096, nil
}

// path is a name in the folder, as the shell reads it.
func remotePath(name string) string { return fault.QuotePOSIX("./" + name) }

func (r *remote) read(ctx context.Context, name string, most int) ([]byte, error) {
	at := remotePath(name)
	data, err := r.run(ctx, fmt.Sprintf("if [ -L %[1]s ] || { [ -e %[1]s ] && [ ! -f %[1]s ]; }; then (exit %[2]d); elif [ -e %[1]s ]; then head -c %[3]d %[1]s; else (exit %[4]d); fi", at, noLink, most, noFile))
	if e, ok := errors.AsType[*remoteError](err); ok && e.status == noLink {
		return nil, fault.With(fmt.Errorf("%s: %q is a folder, a link or a special file", r.place, name), fault.Hintf("remove it, or choose another place: --to"))
	}
	return data, err
}

// write has dd take exactly the file's bytes from the connection: none of them
// is in an argument, where others on that computer could see it. They are sent
// once dd is there, because shells read ahead.
func (r *remote) write(ctx context.Context, file File, like string, progress func(int)) error {
	to, from := remotePath(file.Name), remotePath(like)
	// cp -p keeps owner and mode, by which the server may read the file. Not every
	// file system has them: then the umask of 077 must do.
	script := fmt.Sprintf("rm -f %[1]s && if [ -e %[2]s ]; then cp -p %[2]s %[1]s 2>/dev/null || cp %[2]s %[1]s; else : > %[1]s", to, from)
	if file.Private {
		script += fmt.Sprintf("; fi && { chmod o= %s 2>/dev/null || :; }", to)
	} else {
		script += fmt.Sprintf(" && { chmod 644 %s 2>/dev/null || :; }; fi", to)
	}
	// If the connection ends, nobody is left here who could remove the files.
	r.staged = append(r.staged, to)
	script = fmt.Sprintf("trap %s EXIT; trap 'exit 1' HUP INT TERM; %s", fault.QuotePOSIX("rm -f "+strings.Join(r.staged, " ")), script)
	if _, err := r.run(ctx, script); err != nil {
		return err
	}
	begin := r.mark + "-data"
	if err := r.s.write(fmt.Appendf(nil, "{ echo; echo %s; dd bs=1 count=%d 2>/dev/null > %s; } 2>&1; s=$?; echo; echo %s-$s\n", begin, len(file.Data), to, r.mark)); err != nil {
		return r.gone(ctx, err)
	}
	if _, err := r.s.until(ctx, []byte("\n"+begin+"\n"), remoteTime); err != nil {
		return r.gone(ctx, err)
	}
	if err := r.s.write(file.Data); err != nil {
		return r.gone(ctx, err)
	}
	_, err := r.answer(ctx)
	if err == nil {
		_, err = r.run(ctx, "sync")
	}
	progress(len(file.Data))
	return err
}

func (r *remote) swap(ctx context.Context, moves []move) error {
	var script strings.Builder
	// Once the shell has read this, it does all of it, whatever happens to the
	// connection.
	script.WriteString("trap - EXIT && trap '' HUP INT TERM PIPE")
	for _, m := range moves {
		name, old := remotePath(m.name), remotePath(m.old)
		fmt.Fprintf(&script, " && { [ ! -e %[1]s ] || mv -f %[1]s %[2]s; } && mv -f %[3]s %[1]s", name, old, remotePath(m.name+newSuffix))
	}
	script.WriteString(" && sync")
	_, err := r.run(ctx, script.String())
	return err
}

func (r *remote) rename(ctx context.Context, from, to string) error {
	_, err := r.run(ctx, "mv -f "+remotePath(from)+" "+remotePath(to))
	return err
}

func (r *remote) remove(ctx context.Context, name string) error {
	_, err := r.run(ctx, "rm -f "+remotePath(name))
	return err
}

func (r *remote) restart(_ context.Context, hard bool) error {
	if hard {
		return &NoResetError{Remote}
	}
	return nil
}

// startProcess runs a program of the system. What it asks for goes to the
// terminal, what it complains of into its error.
func startProcess(args []string) (*Process, error) {
	cmd := exec.Command(args[0], args[1:]...)
	complaints := &strings.Builder{}
	cmd.Stderr = complaints
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 2 * time.Second // ControlPersist leaves an ssh behind that holds the pipes
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	wait := func() error {
		err := cmd.Wait()
		if errors.Is(err, exec.ErrWaitDelay) {
			return nil
		}
		if said := lastLine(complaints.String()); err != nil && said != "" {
			return errors.New(said)
		}
		return err
	}
	return &Process{In: in, Out: out, Wait: wait, Kill: func() { _ = cmd.Process.Kill(); _ = wait() }}, nil
}
