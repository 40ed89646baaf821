package years

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/picoca/picoca/e2e/rig"
)

// readCalendar prints each event of a calendar as python3-icalendar reads it.
const readCalendar = `import icalendar, json, sys
calendar = icalendar.Calendar.from_ical(sys.stdin.buffer.read())
assert not calendar.errors and calendar["PRODID"] and calendar["VERSION"] == "2.0"
print(json.dumps([{
    "uid": str(event["UID"]), "summary": str(event["SUMMARY"]), "day": event["DTSTART"].dt.isoformat(), "sequence": event["SEQUENCE"],
    "reminders": [int(alarm["TRIGGER"].dt.total_seconds()) for alarm in event.walk("VALARM")],
} for event in calendar.walk("VEVENT")]))`

type event struct {
	UID       string `json:"uid"`
	Summary   string `json:"summary"`
	Day       string `json:"day"`
	Sequence  int    `json:"sequence"`
	Reminders []int  `json:"reminders"`
}

// python runs a program with Debian's Python, which has the readers.
func python(t *testing.T, module, pkg, program, input string) string {
	t.Helper()
	const path = "/usr/bin/python3"
	if err := exec.CommandContext(t.Context(), path, "-c", "import "+module).Run(); err != nil {
		rig.Missing(t, path+" with "+module, pkg)
	}
	cmd := exec.CommandContext(t.Context(), path, "-W", "ignore", "-c", program)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// longName is folded in a calendar, and has what both formats escape.
const longName = `Ünder the stairs, "old"; C:\sensor of the boiler, 2nd`

// events are those of a CA's calendar, by summary.
func events(t *testing.T, h rig.Home) map[string]event {
	t.Helper()
	var list []event
	if err := json.Unmarshal([]byte(python(t, "icalendar", "python3-icalendar", readCalendar, h.Run("export", "expiry", "--out", "-"))), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]event{}
	for _, e := range list {
		if len(e.Reminders) != 1 {
			t.Errorf("%s: got %d reminders, want 1", e.Summary, len(e.Reminders))
		}
		all[e.Summary] = e
	}
	return all
}

// TestCalendarIsRead by a program that is not ours, and a renewal moves its
// event.
func TestCalendarIsRead(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "nas.local", "--days", "100")
	h.Run("identity", longName, "--for", "mosquitto", "--days", "60")
	before := events(t, h)
	h.Run("renew", "nas.local", "--days", "200")
	after := events(t, h)
	nas, tablet := "Certificate of nas.local ends", "Certificate of "+longName+" ends"
	if len(before) != 3 || len(after) != 3 {
		t.Errorf("got %d events, then %d, want 3", len(before), len(after))
	}
	if before[nas].UID != after[nas].UID || before[nas].Day >= after[nas].Day || before[nas].Sequence >= after[nas].Sequence {
		t.Errorf("got %+v, then %+v, want the same event on a later day", before[nas], after[nas])
	}
	if before[tablet].UID == "" || before[tablet].Reminders[0] != -19*86400 || before[nas].Reminders[0] != -30*86400 {
		t.Errorf("got %+v and %+v, want reminders 19 and 30 days before", before[tablet], before[nas])
	}
}

// readMetrics prints each sample as Prometheus' client for Python reads it.
const readMetrics = `import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.type == "gauge" and family.documentation, family
    for sample in family.samples:
        print(sample.name, sample.labels["kind"], sample.labels["name"], int(sample.value), sep="\t")`

func TestMetricsAreRead(t *testing.T) {
	h := rig.NewHome(t)
	h.Run("issue", "nas.local")
	h.Run("identity", longName, "--for", "mosquitto")
	var shown struct {
		Certificates []struct {
			Name     string    `json:"name"`
			NotAfter time.Time `json:"not_after"`
		} `json:"certificates"`
	}
	if err := json.Unmarshal([]byte(h.Run("list", "--json")), &shown); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(python(t, "prometheus_client", "python3-prometheus-client", readMetrics, h.Run("export", "expiry", "--format", "prometheus", "--out", "-"))), "\n")
	if len(lines) != 6 {
		t.Errorf("got %d samples, want 2 of 3 things:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for _, c := range shown.Certificates {
		kind := "device"
		if c.Name == longName {
			kind = "identity"
		}
		want := strings.Join([]string{"picoca_certificate_not_after_seconds", kind, c.Name, strconv.FormatInt(c.NotAfter.Unix(), 10)}, "\t")
		if !slices.Contains(lines, want) {
			t.Errorf("no sample %q in:\n%s", want, strings.Join(lines, "\n"))
		}
	}
}
