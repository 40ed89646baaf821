package export

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var expiryNow = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func expiry(name string) Expiry {
	end := expiryNow.AddDate(1, 0, 0)
	return Expiry{Kind: "identity", Name: name, CA: "7Q3F", End: end, Due: end.AddDate(0, 0, -30), Do: "picoca renew '" + name + "'"}
}

// unfold joins the folded lines of a calendar.
func unfold(data []byte) []string {
	return strings.Split(strings.ReplaceAll(string(data), "\r\n ", ""), "\r\n")
}

func TestCalendarLinesAreFoldedBetweenCharacters(t *testing.T) {
	for n := range 80 {
		name := strings.Repeat("x", n) + strings.Repeat("ü€", 60)
		data := Calendar([]Expiry{expiry(name)}, expiryNow)
		for line := range bytes.SplitSeq(data, []byte("\r\n")) {
			if len(line) > maxLine || !utf8.Valid(line) || bytes.ContainsAny(line, "\r\n") {
				t.Fatalf("name with %d letters first: got line %q of %d bytes", n, line, len(line))
			}
		}
		want := "SUMMARY:Certificate of " + name + " ends"
		if got := strings.Join(unfold(data), "\n"); !strings.Contains(got, want+"\n") {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestCalendarEscapesTexts(t *testing.T) {
	got := strings.Join(unfold(Calendar([]Expiry{expiry("a,b;c\\d\nEND:VEVENT")}, expiryNow)), "\n")
	if want := `SUMMARY:Certificate of a\,b\;c\\d\nEND:VEVENT ends`; !strings.Contains(got, want+"\n") || strings.Count(got, "\nEND:VEVENT") != 1 {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEventOfANameStaysTheSame(t *testing.T) {
	first := expiry("phone")
	second := first
	second.End, second.Sequence = first.End.AddDate(2, 0, 0), 1
	other, otherCA, otherKind := expiry("tablet"), first, first
	otherCA.CA, otherKind.Kind = "ABCD", "device"
	if first.uid() != second.uid() {
		t.Error("a renewed certificate has another event")
	}
	for _, e := range []Expiry{other, otherCA, otherKind} {
		if e.uid() == first.uid() {
			t.Errorf("%+v has the same event", e)
		}
	}
}

func TestReminderIsWhenItIsDue(t *testing.T) {
	for _, row := range []struct {
		before time.Duration
		want   string
	}{{30 * 24 * time.Hour, "-P30D"}, {47 * time.Hour, "-P1D"}, {8*time.Hour + time.Minute, "-PT8H"}, {0, "-PT0H"}} {
		if got := calendarSpan(row.before); got != row.want {
			t.Errorf("%v: got %s, want %s", row.before, got, row.want)
		}
	}
}

func TestMetricsEscapeLabels(t *testing.T) {
	got := string(Metrics([]Expiry{expiry("a\"b\\c\nd")}))
	if want := `picoca_certificate_not_after_seconds{name="a\"b\\c\nd",kind="identity"} 1827662400` + "\n"; !strings.Contains(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
