package device

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestFiguresSpanTheCosts(t *testing.T) {
	f := Firmware{ID: "f", Costs: []Cost{
		{Firmware: "f@1.5", Key: "p256", HeapBytes: 300, Seconds: 2},
		{Firmware: "f@1.5", Key: "p256", HeapBytes: 200, Seconds: 3},
		{Firmware: "f@1.5", Key: "p256", HeapBytes: 250},
		{Firmware: "f@1.5", Key: "rsa-2048", HeapBytes: 999, Seconds: 9},
		{Firmware: "f@2.0", Key: "p256", HeapBytes: 100, Seconds: 1},
	}}
	for _, row := range []struct {
		versions, key string
		want          Figures
	}{
		{"1.0 - 1.9", "p256", Figures{[2]int{200, 300}, [2]float64{2, 3}}},
		{"1.0 - 1.9", "rsa-2048", Figures{[2]int{999, 999}, [2]float64{9, 9}}},
		{"2", "p256", Figures{[2]int{100, 100}, [2]float64{1, 1}}},
		{"3", "p256", Figures{}},
		{"1.0 - 1.9", "p384", Figures{}},
	} {
		asked := Row{ID: "f", Version: Version{Range: row.versions}}
		if got := (&Target{Firmware: []Firmware{f}}).FiguresOf(asked, Certificate{Key: row.key}); got != row.want {
			t.Errorf("%s of %s: %+v, want %+v", row.key, row.versions, got, row.want)
		}
	}
}

func TestFiguresShowWhatIsKnown(t *testing.T) {
	for want, figures := range map[string]Figures{
		"27.7 KB of heap and 0.5 s":              {[2]int{27700, 27700}, [2]float64{0.52, 0.52}},
		"30.3 - 31.4 KB of heap and 3.4 - 5.9 s": {[2]int{30256, 31376}, [2]float64{3.4, 5.9}},
		"27.3 KB of heap":                        {HeapBytes: [2]int{27280, 27320}},
		"9.5 - 26 s":                             {Seconds: [2]float64{9.5, 26}},
		"":                                       {},
	} {
		if got := figures.String(); got != want {
			t.Errorf("%+v: got %q, want %q", figures, got, want)
		}
	}
	if got, want := (Figures{HeapBytes: [2]int{27280, 27320}}).Text("memory"), "27.3 KB of memory"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if none := (Figures{}); none.Heap() != "-" || none.Time() != "-" {
		t.Errorf("unknown figures: %q and %q", none.Heap(), none.Time())
	}
}

// TestUnknownFiguresAreNotInTheJSON: 0 would be a claim.
func TestUnknownFiguresAreNotInTheJSON(t *testing.T) {
	for want, figures := range map[string]Figures{
		`{}`:                     {},
		`{"heap_bytes":[1,2]}`:   {HeapBytes: [2]int{1, 2}},
		`{"seconds":[0.5,0.75]}`: {Seconds: [2]float64{0.5, 0.75}},
	} {
		if got, err := json.Marshal(figures); string(got) != want || err != nil {
			t.Errorf("%+v: got %s, %v, want %s", figures, got, err, want)
		}
	}
}

// TestLargerCertificatesCostMore: by its bytes and its names, beside a
// listening socket twice; what was measured with an unknown certificate, or not
// at all, stays as it is.
func TestLargerCertificatesCostMore(t *testing.T) {
	f := Firmware{
		Growth: Growth{HeapBytesPerByte: 2, HeapBytesPerName: 30, Source: "measured"},
		Costs: []Cost{
			{Firmware: "f@1", Key: "p256", CertificateBytes: 400, MessageBytes: 410, HeapBytes: 20000, HeapListenerBytes: 40000, Seconds: 1},
			{Firmware: "g@1", Key: "p256", HeapBytes: 9000},
			{Firmware: "h@1", Key: "p256", CertificateBytes: 400, Seconds: 1},
		},
	}
	for _, row := range []struct {
		c                                Certificate
		heap, listener, bytes, unrelated int
	}{
		{Certificate{Key: "p256"}, 20000, 40000, 400, 9000},
		{Certificate{Key: "p256", Names: 9}, 20000, 40000, 400, 9000},
		{Certificate{Key: "p256", Names: 1, Bytes: 390}, 20000, 40000, 390, 9000},
		{Certificate{Key: "p256", Names: 1, Bytes: 500}, 20200, 40400, 500, 9000},
		{Certificate{Key: "p256", Names: 3, Bytes: 500}, 20260, 40520, 500, 9000},
	} {
		costs := (&Target{Firmware: []Firmware{f}}).CostOf(row.c)
		first, g, h := costs[0], costs[1], costs[2]
		if first.HeapBytes != row.heap || first.HeapListenerBytes != row.listener || first.CertificateBytes != row.bytes || first.MessageBytes != row.bytes+10 || first.Seconds != 1 {
			t.Errorf("%+v: %+v", row.c, first)
		}
		if g != f.Costs[1] || h != f.Costs[2] {
			t.Errorf("%+v: what was not measured with a certificate became %+v, %+v", row.c, g, h)
		}
	}
}

// TestTargetKeepsTheFirmwareAsked is what keeps one firmware's figures from
// being reported for another.
func TestTargetKeepsTheFirmwareAsked(t *testing.T) {
	for _, row := range []struct {
		target      string
		rows, costs int
	}{
		{"pico-w", 8, 7},
		{"pico-w/circuitpython", 3, 5},
		{"pico-w/circuitpython@10", 2, 5},
		{"pico-w/circuitpython@10.2", 1, 3},
		{"pico-w/circuitpython@10.3", 1, 2},
		{"pico-w/micropython", 5, 2},
		{"pico-w/micropython@1.24", 1, 0},
		{"pico-w/micropython@1.26", 1, 1},
		{"pico-w/arduino", 1, 1},
	} {
		b := target(t, row.target)
		costs := b.CostOf(Certificate{Key: "p256"})
		if len(b.Rows()) != row.rows || len(costs) != row.costs {
			t.Errorf("%s: %d rows and %d costs, want %d and %d", row.target, len(b.Rows()), len(costs), row.rows, row.costs)
		}
		_, release, named := strings.Cut(row.target, "/")
		id, _, _ := strings.Cut(release, "@")
		if named && slices.ContainsFunc(costs, func(c Cost) bool { return !strings.HasPrefix(c.Firmware, id+"@") }) {
			t.Errorf("%s: costs of other firmware: %+v", row.target, costs)
		}
	}
	if costs := target(t, "pico-w").CostOf(Certificate{Key: "p256"}); len(costs) != 7 {
		t.Errorf("the device lost costs: it has %d", len(costs))
	}
}

// TestMisfitIsOfTheFirmwareAsked: one firmware's memory with another's time
// would be neither's cost.
func TestMisfitIsOfTheFirmwareAsked(t *testing.T) {
	for _, row := range []struct{ release, key, want string }{
		{"micropython", "rsa-4096", "41.5 KB of heap and 26 s per connection in MicroPython"},
		{"circuitpython", "rsa-4096", "43.0 - 43.4 KB of heap per connection in CircuitPython"},
		{"circuitpython@10.3", "rsa-4096", `has no benefit from key type "rsa-4096", which costs more than p256`},
		{"circuitpython", "p384", "than p256: 30.5 - 31.5 KB of heap per connection in CircuitPython"},
	} {
		if err := target(t, "pico-w/"+row.release).Fits(Certificate{Key: row.key}, false); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s, %s: %v, want %q", row.release, row.key, err, row.want)
		}
	}
}

// costly is firmware that loads p256, rsa-3072 and rsa-4096 at some cost.
func costly(id string, costs ...Cost) Firmware {
	for i := range costs {
		costs[i].Firmware = id
	}
	return Firmware{
		ID: id, Name: strings.ToUpper(id), Versions: []Version{{Range: "any"}}, Costs: costs,
		Keys: []string{"p256"}, NotRecommendedKeys: []string{"rsa-4096", "rsa-3072"},
	}
}

func TestCheapestFirmwareIsThatOfTheLeastMemory(t *testing.T) {
	b := Target{Firmware: []Firmware{
		costly("f"),
		costly("g", Cost{Key: "p256", Seconds: 1}),
		costly("h", Cost{Key: "p256", HeapBytes: 300}),
		costly("i", Cost{Key: "p256", HeapBytes: 200}),
		costly("j", Cost{Key: "p256", HeapBytes: 200, Seconds: 1}),
		costly("k", Cost{Key: "p256", Seconds: 1}),
	}}
	if row, figures := b.Cheapest(Certificate{Key: "p256"}); row.ID != "i" || figures.HeapBytes[1] != 200 {
		t.Errorf("got %s, %+v", row.ID, figures)
	}
	if row, figures := b.Cheapest(Certificate{Key: "p384"}); row.ID != "" || figures != (Figures{}) {
		t.Errorf("of a key that was not measured: %s, %+v", row.ID, figures)
	}
}

// TestMisfitGivesTheLongestWait, and of the most memory where the time is not
// known.
func TestMisfitGivesTheLongestWait(t *testing.T) {
	b := Target{Firmware: []Firmware{
		costly("f", Cost{Key: "rsa-4096", HeapBytes: 40000, Seconds: 8}, Cost{Key: "rsa-3072", HeapBytes: 30000}),
		costly("g", Cost{Key: "rsa-4096", HeapBytes: 41000, Seconds: 9}, Cost{Key: "rsa-3072", HeapBytes: 31000}),
		costly("h", Cost{Key: "rsa-4096", HeapBytes: 43000}),
	}}
	for key, want := range map[string]string{"rsa-4096": "need 41.0 KB of heap and 9.0 s per connection in G ", "rsa-3072": "need 31.0 KB of heap per connection in G "} {
		if err := b.Fits(Certificate{Key: key}, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", key, err, want)
		}
	}
}

// TestClientHeapIsThatOfTheVersion: the least and the most, over the servers, of the
// versions that were asked for.
func TestClientHeapIsThatOfTheVersion(t *testing.T) {
	for _, row := range []struct {
		target, key string
		want        [2]int
	}{
		{"pico-w/micropython@1.28", "p256", [2]int{29840, 30432}},
		{"pico-w/micropython@1.20", "p256", [2]int{}},
		{"pico-w/circuitpython@10.2", "rsa-2048", [2]int{37888, 37888}},
		{"pico-w/circuitpython@10.2", "p384", [2]int{}},
	} {
		target, err := ParseTarget(row.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.ClientHeap(target.Rows()[0], row.key); got != row.want {
			t.Errorf("%s, %s: got %v, want %v", row.target, row.key, got, row.want)
		}
	}
	if got := Span([2]int{29840, 30432}); got != "29.8 - 30.4 KB" {
		t.Errorf("got %q", got)
	}
}
