package probe

import (
	"bufio"
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// neighbours returns the addresses in the system's table of neighbours.
func neighbours(ctx context.Context) ([]netip.Addr, error) {
	if runtime.GOOS == "linux" {
		data, err := os.ReadFile("/proc/net/arp")
		return parseARP(data), err
	}
	// macOS, the BSDs and Windows have this command, each with its own columns.
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	data, err := exec.CommandContext(ctx, "arp", "-a").Output()
	return parseARP(data), err
}

// noHardware is what Linux has for a neighbour that did not answer.
const noHardware = "00:00:00:00:00:00"

// parseARP returns the address in each line of a table of neighbours, without
// those that did not answer.
func parseARP(table []byte) []netip.Addr {
	var all []netip.Addr
	for lines := bufio.NewScanner(bytes.NewReader(table)); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, noHardware) || strings.Contains(line, "incomplete") {
			continue
		}
		for field := range strings.FieldsSeq(line) {
			if addr, err := netip.ParseAddr(strings.Trim(field, "()")); err == nil {
				all = append(all, addr)
				break // Windows has the interface's own address in lines of their own
			}
		}
	}
	return all
}
