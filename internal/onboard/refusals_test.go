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

// inShort is events as "10.0.0.1 unknown path 3", with commas.
func inShort(events []Event) string {
	var all []string
	for _, e := range events {
		all = append(all, fmt.Sprint(e.Address, " ", e.Reason, " ", e.Count))
	}
	return strings.Join(all, ", ")
}

func TestEveryKindOfRefusalIsToldAtOnceAndThenCounted(t *testing.T) {
	r := refusals{quiet: quiet, kinds: map[kind]*tally{}}
	for _, test := range []struct {
		from   netip.Addr
		reason string
		after  time.Duration
		want   string
	}{
		{visitorA, wrongMethod, 0, "10.0.0.1 method other than GET and HEAD 1"},
		{visitorA, wrongMethod, 1, ""},
		{visitorA, wrongHost, 2, "10.0.0.1 wrong Host header 1"},
		{visitorB, wrongMethod, 3, "10.0.0.2 method other than GET and HEAD 1"},
		{visitorA, wrongMethod, quiet - 1, ""},
		{visitorA, wrongMethod, quiet, "10.0.0.1 method other than GET and HEAD 3"}, // itself and the two held back
	} {
		if got := inShort(r.add(test.from, test.reason, dayStart.Add(test.after))); got != test.want {
			t.Errorf("%s, %s after %v: got %q, want %q", test.from, test.reason, test.after, got, test.want)
		}
	}
}

func TestHeldRefusalsAreTold(t *testing.T) {
	r := refusals{quiet: quiet, kinds: map[kind]*tally{}}
	for _, reason := range []string{wrongPath, wrongPath, wrongHost, wrongHost, wrongHost} {
		r.add(visitorB, reason, dayStart)
	}
	r.add(visitorA, wrongPath, dayStart)
	r.add(visitorA, wrongPath, dayStart)
	if got := inShort(r.due(dayStart.Add(quiet - 1))); got != "" {
		t.Errorf("too early: %q", got)
	}
	const all = "10.0.0.1 unknown path 1, 10.0.0.2 unknown path 1, 10.0.0.2 wrong Host header 2"
	if got := inShort(r.due(dayStart.Add(quiet))); got != all {
		t.Errorf("in time: got %q, want %q", got, all)
	}
	if got := inShort(r.rest(dayStart.Add(quiet))); got != "" {
		t.Errorf("told twice: %q", got)
	}
	r.add(visitorA, wrongPath, dayStart.Add(quiet+1))
	if got, want := inShort(r.rest(dayStart.Add(quiet+2))), "10.0.0.1 unknown path 1"; got != want {
		t.Errorf("at the end: got %q, want %q", got, want)
	}
}

// Whoever comes from many addresses fills no memory and hides nothing: every
// request is in one event or another.
func TestRefusalsOfMany(t *testing.T) {
	r := refusals{quiet: quiet, kinds: map[kind]*tally{}}
	from, told, asked := visitorA, 0, 0
	count := func(events []Event) {
		for _, e := range events {
			told += e.Count
		}
	}
	for range 10 * maxKinds {
		for range 3 {
			count(r.add(from, wrongPath, dayStart))
			asked++
		}
		from = from.Next()
	}
	if got := len(r.kinds); got > maxKinds {
		t.Errorf("%d kinds are remembered, want at most %d", got, maxKinds)
	}
	count(r.rest(dayStart))
	if told != asked {
		t.Errorf("told of %d requests, want %d", told, asked)
	}
}

// hostile sends requests that are refused for three reasons.
func (v *visit) hostile() {
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		v.raw(method + " " + v.base() + " HTTP/1.1\r\nHost: " + v.pageHost() + "\r\n\r\n")
	}
	v.raw("GET " + v.base() + " HTTP/1.1\r\nHost: rebinding.example\r\n\r\n")
	v.raw("GET " + v.base() + "/../../root/key.pem HTTP/1.1\r\nHost: " + v.pageHost() + "\r\n\r\n")
}

// refused are the refusals told so far, with their sum for each reason.
func (v *visit) refused() map[string]int {
	sum := map[string]int{}
	for _, e := range v.told() {
		if e.Action == Refused {
			sum[e.Reason] += e.Count
		}
	}
	return sum
}

const hostileSum = "map[method other than GET and HEAD:3 unknown path:1 wrong Host header:1]"

func TestEveryRefusedRequestIsToldInTime(t *testing.T) {
	v := serve(t, func(c *Config) { c.quiet = 100 * time.Millisecond })
	v.hostile()
	for end := time.Now().Add(hangs); fmt.Sprint(v.refused()) != hostileSum; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("told %v, want %s", v.refused(), hostileSum)
		}
	}
}

func TestEveryRefusedRequestIsToldAtTheEnd(t *testing.T) {
	v := serve(t, nil)
	v.hostile()
	if got := v.refused()[wrongMethod]; got > 1 {
		t.Errorf("told of %d requests at once, want one and the others later", got)
	}
	v.stop()
	v.ends()
	if got := fmt.Sprint(v.refused()); got != hostileSum {
		t.Errorf("told %s, want %s", got, hostileSum)
	}
}
