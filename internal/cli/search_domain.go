package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/pki"
)

// resolvConf is where the system keeps the network's search domain
// (resolv.conf(5)).
const resolvConf = "/etc/resolv.conf"

// tailscaleSuffix ends the domains of Tailscale networks, whose addresses are
// those of RFC 6598 (tailscale.com/kb/1015/100.x-addresses).
const (
	tailscaleSuffix = ".ts.net"
	tailscaleRange  = "100.64.0.0/10"
)

// offerSearchDomain asks whether the CA may also vouch for the domain that the
// router hands out, such as fritz.box: it cannot be added to a root later.
// Without a terminal it only prints a note.
func (a *app) offerSearchDomain(ctx context.Context, req *pki.InitRequest) error {
	data, err := os.ReadFile(a.resolvConf())
	if err != nil {
		return nil // Windows has none
	}
	domain, wider, ok := searchDomain(string(data), req.Root.Constraints)
	if !ok {
		return nil
	}
	question := fmt.Sprintf("This network's search domain is %s (from %s).", domain, resolvConf)
	if !a.canAsk() {
		a.note("%s To allow this CA to issue for it: %s. Adding it later needs a new root.", question, a.command("init", "--permit", domain))
		return nil
	}
	yes, err := a.confirm(ctx, question+" Allow this CA to issue for it? Adding it later needs a new root.")
	if yes {
		req.Root.Constraints = wider
	}
	return err
}

// resolvConf is a file of the test's own in tests.
func (a *app) resolvConf() string {
	if a.ResolvConf != "" {
		return a.ResolvConf
	}
	return resolvConf
}

// searchDomain returns the first search domain of a resolv.conf that the
// constraints do not permit yet, and the constraints with it. Domains that no
// CA should vouch for are passed over.
func searchDomain(text string, c ca.Constraints) (string, ca.Constraints, bool) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "search" && fields[0] != "domain" {
			continue
		}
		for _, domain := range fields[1:] {
			domain = strings.ToLower(strings.TrimSuffix(domain, "."))
			permit := []string{domain}
			if strings.HasSuffix(domain, tailscaleSuffix) {
				permit = append(permit, tailscaleRange)
			}
			wider, err := c.Permit(permit)
			// An address would only add a range.
			if err == nil && !permits(c, domain) && permits(wider, domain) {
				return domain, wider, true
			}
		}
	}
	return "", c, false
}

// permits reports whether the constraints already cover a domain.
func permits(c ca.Constraints, domain string) bool {
	return slices.ContainsFunc(c.Domains(), func(own string) bool {
		return domain == own || strings.HasSuffix(domain, "."+own)
	})
}

// canAsk reports whether there is somebody to answer a question.
func (a *app) canAsk() bool {
	file, ok := a.Stdin.(*os.File)
	return ok && isTerminal(file)
}

// confirm asks a question on the terminal whose default answer is no.
func (a *app) confirm(ctx context.Context, question string) (bool, error) {
	line, err := a.askLine(ctx, question+" [y/N] ")
	reply := strings.ToLower(line)
	return reply == "y" || reply == "yes", err
}

// askLine reads a line from the terminal, without the spaces around it. The end
// of the input is an empty line.
func (a *app) askLine(ctx context.Context, prompt string) (string, error) {
	ctx, stop := a.Interrupts(ctx)
	defer stop()
	fmt.Fprint(a.Stderr, prompt)
	answers := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(oneByte{a.Stdin}).ReadBytes('\n')
		answers <- answer{line, err}
	}()
	select {
	case got := <-answers:
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return "", got.err
		}
		return strings.TrimSpace(string(got.line)), nil
	case <-ctx.Done():
		fmt.Fprintln(a.Stderr)
		return "", errInterrupted
	}
}

// oneByte reads no further than its caller asks: what follows a line is the
// answer to the next question.
type oneByte struct{ io.Reader }

func (r oneByte) Read(p []byte) (int, error) { return r.Reader.Read(p[:min(1, len(p))]) }
