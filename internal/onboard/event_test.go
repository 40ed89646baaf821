package onboard

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	dayStart = time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC)
	visitorA = netip.MustParseAddr("10.0.0.1")
	visitorB = netip.MustParseAddr("10.0.0.2")
)

// inShort returns events as "10.0.0.1 opened 3/5", with commas.
func inShort(events ...Event) string {
	var all []string
	for _, e := range events {
		all = append(all, fmt.Sprintf("%s %s %d/%d", e.Address, e.Action, e.Count, e.Total))
	}
	return strings.Join(all, ", ")
}

func TestRepeatsAreCountedAndReportedLessAndLessOften(t *testing.T) {
	tally := newTally(repeatAfter)
	for _, test := range []struct {
		from   netip.Addr
		action Action
		after  time.Duration
		want   string
	}{
		{visitorA, Opened, 0, "10.0.0.1 opened 1/1"},
		{visitorA, Opened, 1, ""},
		{visitorA, Distrusted, 2, "10.0.0.1 distrusted 1/1"},
		{visitorB, Opened, 3, "10.0.0.2 opened 1/1"},
		{visitorA, Opened, repeatAfter - 1, ""},
		{visitorA, Opened, repeatAfter, "10.0.0.1 opened 3/4"}, // itself and the two held back
		{visitorA, Opened, 3*repeatAfter - 1, ""},
		{visitorA, Opened, 3 * repeatAfter, "10.0.0.1 opened 2/6"},
		{visitorA, Opened, 7*repeatAfter - 1, ""},
		{visitorA, Opened, 7 * repeatAfter, "10.0.0.1 opened 2/8"},
	} {
		got := ""
		if e, now := tally.add(Event{Time: dayStart.Add(test.after), Action: test.action, Address: test.from}); now {
			got = inShort(e)
		}
		if got != test.want {
			t.Errorf("%s %s after %v: got %q, want %q", test.from, test.action, test.after, got, test.want)
		}
	}
}

func TestWhatWasHeldBackIsReportedInTime(t *testing.T) {
	tally := newTally(repeatAfter)
	for _, action := range []Action{Rejected, Rejected, Opened, Opened, Opened} {
		tally.add(Event{Time: dayStart, Action: action, Address: visitorB})
	}
	tally.add(Event{Time: dayStart, Action: Opened, Address: visitorA})
	tally.add(Event{Time: dayStart, Action: Opened, Address: visitorA})
	if got := inShort(tally.due(dayStart.Add(repeatAfter - 1))...); got != "" {
		t.Errorf("too early: %q", got)
	}
	const want = "10.0.0.1 opened 1/2, 10.0.0.2 opened 2/3, 10.0.0.2 rejected 1/2"
	if got := inShort(tally.due(dayStart.Add(repeatAfter))...); got != want {
		t.Errorf("in time: got %q, want %q", got, want)
	}
	if got := inShort(tally.rest(dayStart.Add(repeatAfter))...); got != "" {
		t.Errorf("reported twice: %q", got)
	}
	tally.add(Event{Time: dayStart.Add(repeatAfter + 1), Action: Opened, Address: visitorA})
	if got, want := inShort(tally.rest(dayStart.Add(repeatAfter+2))...), "10.0.0.1 opened 1/3"; got != want {
		t.Errorf("at the end: got %q, want %q", got, want)
	}
}

// One failed attempt of a browser is several refused connections.
func TestRefusedCertificatesOfOneAttemptCountOnce(t *testing.T) {
	tally := newTally(repeatAfter)
	for i, test := range []struct {
		after time.Duration
		want  string
	}{
		{0, "10.0.0.1 distrusted 1/1"}, {1, ""}, {repeatAfter - 1, ""}, {repeatAfter, "10.0.0.1 distrusted 1/2"}, {2*repeatAfter - 1, ""},
	} {
		got := ""
		if e, now := tally.add(Event{Time: dayStart.Add(test.after), Action: Distrusted, Address: visitorA}); now {
			got = inShort(e)
		}
		if got != test.want {
			t.Errorf("refusal %d: got %q, want %q", i+1, got, test.want)
		}
	}
	if left := tally.rest(dayStart.Add(time.Hour)); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

func TestFilesAndReasonsAreCountedEach(t *testing.T) {
	tally := newTally(repeatAfter)
	for _, e := range []Event{{File: "a"}, {File: "b"}, {Reason: "a"}, {Reason: "b"}} {
		e.Time, e.Action, e.Address = dayStart, Downloaded, visitorA
		if _, now := tally.add(e); !now {
			t.Errorf("%+v is held back", e)
		}
	}
}

// Ten thousand page views within a second take two lines; over an hour, a few.
func TestTenThousandPageViewsTakeFewLines(t *testing.T) {
	for _, apart := range []time.Duration{time.Millisecond / 10, time.Hour / 10_000} {
		tally := newTally(repeatAfter)
		lines, sum := 0, 0
		now := dayStart
		note := func(events ...Event) {
			for _, e := range events {
				lines++
				sum += e.Count
			}
		}
		for range 10_000 {
			if e, ok := tally.add(Event{Time: now, Action: Opened, Address: visitorA}); ok {
				note(e)
			}
			note(tally.due(now)...)
			now = now.Add(apart)
		}
		note(tally.rest(now)...)
		if sum != 10_000 || lines > maxLines {
			t.Errorf("%v apart: %d lines for %d views, want at most %d for 10000", apart, lines, sum, maxLines)
		}
	}
}

// A visitor that does everything again and again, from many addresses, fills
// neither the memory nor the terminal, and hides nothing: every event is in one
// line or another, and the first proof of trust is never held back.
func TestAFloodFromManyAddressesIsBounded(t *testing.T) {
	tally := newTally(repeatAfter)
	lines, sum, sent := 0, 0, 0
	note := func(events ...Event) {
		for _, e := range events {
			lines++
			sum += e.Count
		}
	}
	from, now := visitorA, dayStart
	for range 3 * maxVisitors {
		for range 20 {
			for _, action := range actions {
				if e, ok := tally.add(Event{Time: now, Action: action, Address: from, Device: IPhone}); ok {
					note(e)
				}
				sent++
			}
			now = now.Add(time.Minute)
			note(tally.due(now)...)
		}
		from = from.Next()
	}
	if e, ok := tally.add(Event{Time: now, Action: Trusted, Address: visitorA, Reason: "new"}); !ok || e.Address != visitorA {
		t.Errorf("the first proof of a kind is held back: %v, %t", e, ok)
	}
	if got, most := lines, (maxVisitors+1)*(maxLines+2); got > most {
		t.Errorf("%d lines before the end, want at most %d", got, most)
	}
	note(tally.rest(now)...)
	if sum != sent {
		t.Errorf("reported %d events, want %d", sum, sent)
	}
	if got, most := len(tally.kinds), (maxVisitors+1)*len(actions)+1; got > most {
		t.Errorf("%d kinds are remembered, want at most %d", got, most)
	}
}

// hostile sends requests that are rejected for three reasons.
func (v *visit) hostile() {
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		v.raw(method + " " + v.base() + " HTTP/1.1\r\nHost: " + v.pageHost() + "\r\n\r\n")
	}
	v.raw("GET " + v.base() + " HTTP/1.1\r\nHost: rebinding.example\r\n\r\n")
	v.raw("GET " + v.base() + "/../../root/key.pem HTTP/1.1\r\nHost: " + v.pageHost() + "\r\n\r\n")
}

// rejected sums the rejections reported so far, for each reason.
func (v *visit) rejected() map[string]int {
	sum := map[string]int{}
	for _, e := range v.reported() {
		if e.Action == Rejected {
			sum[e.Reason] += e.Count
		}
	}
	return sum
}

const hostileSum = "map[method other than GET and HEAD:3 unknown path:1 wrong Host header:1]"

func TestEveryRejectedRequestIsReportedInTime(t *testing.T) {
	v := serve(t, func(c *Config) { c.repeatAfter = 100 * time.Millisecond })
	v.hostile()
	for end := time.Now().Add(slowest); fmt.Sprint(v.rejected()) != hostileSum; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("got %v, want %s", v.rejected(), hostileSum)
		}
	}
}

func TestEveryRejectedRequestIsReportedAtTheEnd(t *testing.T) {
	v := serve(t, func(c *Config) { c.repeatAfter = time.Hour })
	v.hostile()
	v.stop()
	v.ends()
	if got := fmt.Sprint(v.rejected()); got != hostileSum {
		t.Errorf("got %s, want %s", got, hostileSum)
	}
	if got := v.count(Rejected); got != 4 {
		t.Errorf("got %d lines, want one for each reason and one for the repeats", got)
	}
}
