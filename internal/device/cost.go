package device

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Cost is what one TLS connection with a key costs a firmware; a figure that was
// not measured is 0. Each figure names its source.
type Cost struct {
	Firmware string `json:"firmware"`
	Key      string `json:"key"`
	// Curve is that of the key exchange, on which heap and time depend: the
	// firmware chooses among those that the client offers.
	Curve string `json:"curve,omitempty"`
	// CertificateBytes are those of the DER of a certificate for pico.local by
	// a P-256 root, MessageBytes those of the TLS message that carries it.
	CertificateBytes int `json:"certificate_bytes,omitempty"`
	MessageBytes     int `json:"message_bytes,omitempty"`
	// HeapBytes is the most that is held while the handshake runs;
	// HeapListenerBytes is the same beside a listening socket of TLS.
	HeapBytes         int     `json:"heap_bytes,omitempty"`
	HeapListenerBytes int     `json:"heap_listener_bytes,omitempty"`
	SizesSource       string  `json:"sizes_source,omitempty"`
	Seconds           float64 `json:"seconds,omitempty"`
	SecondsSource     string  `json:"seconds_source,omitempty"`
}

// ClientCost is what one TLS connection to a server costs a firmware that shows an
// identity.
type ClientCost struct {
	Firmware string `json:"firmware"`
	// Key is the type of the identity's key, ServerKey that of the server's.
	Key       string `json:"key"`
	ServerKey string `json:"server_key"`
	// HeapBytes is the most that is held while the handshake runs.
	HeapBytes   int    `json:"heap_bytes"`
	SizesSource string `json:"sizes_source"`
}

// ClientHeap returns the least and the most memory that one connection to a server
// takes a row of the selected firmware, with an identity of some key type; zero if
// that was not measured.
func (t *Target) ClientHeap(row Row, key string) (heap [2]int) {
	for _, firmware := range t.Firmware {
		for _, cost := range firmware.ClientCosts {
			if cost.Key == key && row.has(cost.Firmware) {
				widen(&heap, cost.HeapBytes)
			}
		}
	}
	return heap
}

// MeasuredByBench is the source of what the tests measure again: they fail
// when it is no longer so.
const MeasuredByBench = "measured by the board bench"

// Growth is the heap that a certificate takes beyond that of a cost: for each
// byte that it is larger, and for each name after its first.
type Growth struct {
	HeapBytesPerByte int    `json:"heap_bytes_per_byte"`
	HeapBytesPerName int    `json:"heap_bytes_per_name"`
	Source           string `json:"source"`
}

func (g Growth) of(cost Cost, c Certificate) int {
	return g.HeapBytesPerByte*max(0, c.Bytes-cost.CertificateBytes) + g.HeapBytesPerName*max(0, c.Names-1)
}

// messageOverhead is what TLS 1.2 puts around a single certificate: the header
// of the message, the length of the list and its own (RFC 5246 section 7.4.2).
const messageOverhead = 4 + 3 + 3

// applied returns what a cost becomes for a certificate that is not the
// measured one.
func (g Growth) applied(cost Cost, c Certificate) Cost {
	if c.Bytes == 0 || cost.CertificateBytes == 0 || cost.HeapBytes == 0 {
		return cost
	}
	more := g.of(cost, c)
	cost.HeapBytes += more
	if cost.HeapListenerBytes > 0 { // the listening socket has read the certificate too
		cost.HeapListenerBytes += 2 * more
	}
	cost.CertificateBytes, cost.MessageBytes = c.Bytes, c.Bytes+messageOverhead
	return cost
}

// CostOf returns what a connection with a certificate costs, once for each
// firmware and curve that was measured. A certificate without bytes stands for
// one of its key type for pico.local.
func (t *Target) CostOf(c Certificate) []Cost { return slices.AppendSeq([]Cost{}, t.costs(c)) }

func (t *Target) costs(c Certificate) iter.Seq[Cost] {
	return func(yield func(Cost) bool) {
		for _, firmware := range t.Firmware {
			for _, cost := range firmware.Costs {
				if cost.Key == c.Key && !yield(firmware.Growth.applied(cost, c)) {
					return
				}
			}
		}
	}
}

// Figures are the least and the most that one connection costs, which depends
// on the client; zero if they were not measured.
type Figures struct {
	HeapBytes [2]int     `json:"heap_bytes,omitzero"`
	Seconds   [2]float64 `json:"seconds,omitzero"`
}

// FiguresOf returns what a connection with a certificate costs a row of the
// selected firmware.
func (t *Target) FiguresOf(row Row, c Certificate) Figures {
	var all Figures
	for cost := range t.costs(c) {
		if row.has(cost.Firmware) {
			widen(&all.HeapBytes, cost.HeapBytes)
			widen(&all.Seconds, cost.Seconds)
		}
	}
	return all
}

// Cheapest returns the row of the selected firmware in which a connection takes
// the least memory, with its figures. Both are zero if none was measured.
func (t *Target) Cheapest(c Certificate) (Row, Figures) {
	return t.extreme(c, func(x, y Figures) bool {
		return x.HeapBytes[1] > 0 && (y.HeapBytes[1] == 0 || x.HeapBytes[1] < y.HeapBytes[1])
	})
}

// costliest returns the row in which a connection takes longest, and, of those
// whose time was not measured, the most memory.
func (t *Target) costliest(c Certificate) (Row, Figures) {
	return t.extreme(c, func(x, y Figures) bool {
		return x.Seconds[1] > y.Seconds[1] || x.Seconds[1] == y.Seconds[1] && x.HeapBytes[1] > y.HeapBytes[1]
	})
}

// extreme returns the first of the rows with figures that no other beats.
func (t *Target) extreme(c Certificate, beats func(x, y Figures) bool) (best Row, extreme Figures) {
	for _, row := range t.Rows() {
		figures := t.FiguresOf(row, c)
		if figures != (Figures{}) && (extreme == (Figures{}) || beats(figures, extreme)) {
			best, extreme = row, figures
		}
	}
	return best, extreme
}

func widen[N int | float64](span *[2]N, figure N) {
	switch {
	case figure == 0:
	case span[1] == 0:
		*span = [2]N{figure, figure}
	default:
		span[0], span[1] = min(span[0], figure), max(span[1], figure)
	}
}

// String returns the figures that are known: "30.3 - 31.4 KB of heap and 3.4 - 5.9 s".
func (f Figures) String() string { return f.Text("heap") }

// Text is String with another word for the heap.
func (f Figures) Text(heap string) string {
	var parts []string
	if f.HeapBytes[1] > 0 {
		parts = append(parts, f.Heap()+" of "+heap)
	}
	if f.Seconds[1] > 0 {
		parts = append(parts, f.Time())
	}
	return strings.Join(parts, " and ")
}

// Heap returns the memory: "27.3 KB", "30.3 - 31.4 KB", "-" if it is not known.
func (f Figures) Heap() string { return Span(f.HeapBytes) }

// Span writes the least and the most of a memory: "30.3 - 31.4 KB", "-" if it is
// not known.
func Span(heap [2]int) string { return span(heap, Kilobytes) }

// Time returns the time: "0.5 s", "3.4 - 5.9 s", "-" if it is not known.
func (f Figures) Time() string { return span(f.Seconds, Seconds) }

// span writes both ends of a span, and the unit once.
func span[N int | float64](ends [2]N, text func(N) string) string {
	least, most := text(ends[0]), text(ends[1])
	switch {
	case ends[1] == 0:
		return "-"
	case least == most:
		return most
	}
	number, _, _ := strings.Cut(least, " ")
	return number + " - " + most
}

// Kilobytes writes a size as a thousand bytes each: "27.3 KB".
func Kilobytes(n int) string { return fmt.Sprintf("%.1f KB", float64(n)/1000) }

// Seconds writes a duration with no more digits than a measurement has: "0.5 s",
// "26 s".
func Seconds(s float64) string {
	if s >= 9.95 { // which one digit would round up
		return fmt.Sprintf("%.0f s", s)
	}
	return fmt.Sprintf("%.1f s", s)
}
