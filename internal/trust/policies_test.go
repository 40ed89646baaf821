package trust

import (
	"encoding/json"
	"slices"
	"testing"
)

const entry = "/etc/firefox/policies/picoca-01234567.pem"

// TestPoliciesComeBackByteForByte after an entry was added and removed.
func TestPoliciesComeBackByteForByte(t *testing.T) {
	for _, text := range []string{
		`{}`, "{ }\n", `{"policies":{}}`, "{\n  \"policies\": {\n    \"DisableTelemetry\": true\n  }\n}\n",
		`{"policies":{"Certificates":{"ImportEnterpriseRoots":true}}}`,
		`{"policies":{"Certificates":{"Install":["a.pem"]},"Z":[1,{"b":2}]}, "other": "policies"}`,
		"{\"policies\" : {\"Certificates\" :\t{\"Install\":[\r\n\"a.pem\" ,\"b\\u0041.pem\"\r\n]} , \"big\":123456789012345678901234567890}}",
		`{"Policies":{"certificates":{"Install":["x"]}},"policies":{"certificates":{"Install":1}}}`,
		`{"A":{"policies":{"Install":["x"]}},"policies":{"Certificates":{"Z":1,"Install":["}",",","\"]"]}}}`,
	} {
		added, err := addInstall([]byte(text), entry)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		before, _ := parseInstallList([]byte(text))
		after, err := parseInstallList(added)
		if err != nil || !json.Valid(added) || !slices.Equal(after.files, append([]string{entry}, before.files...)) {
			t.Errorf("%s: got %s (%v), want the entry added", text, added, err)
		}
		if again, err := addInstall(added, entry); err != nil || string(again) != string(added) {
			t.Errorf("%s: added twice: %s (%v)", text, again, err)
		}
		got, err := removeInstall(added, entry)
		if want := text; err != nil || string(got) != want && !(noPolicies(got) && noPolicies([]byte(text)) || text == `{}` || text == "{ }\n") {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
}

// TestEntryIsRemovedWhereverItStands in the list.
func TestEntryIsRemovedWhereverItStands(t *testing.T) {
	for text, want := range map[string]string{
		`{"policies":{"Certificates":{"Install":["a", "` + entry + `", "b"]}}}`: `{"policies":{"Certificates":{"Install":["a",  "b"]}}}`,
		`{"policies":{"Certificates":{"Install":["a", "` + entry + `"]}}}`:      `{"policies":{"Certificates":{"Install":["a"]}}}`,
		`{"policies":{"Certificates":{"Install":["` + entry + `"]},"X":1}}`:     `{"policies":{"X":1}}`,
		`{"policies":{"Certificates":{"Install":["` + entry + `"],"Y":1}}}`:     `{"policies":{"Certificates":{"Y":1}}}`,
		`{"policies":{"Certificates":{"Install":["` + entry + `"]}}}`:           `{"policies":{}}`,
		`{"policies":{"Certificates":{"Install":["a"]}}}`:                       `{"policies":{"Certificates":{"Install":["a"]}}}`,
	} {
		if got, err := removeInstall([]byte(text), entry); err != nil || string(got) != want {
			t.Errorf("%s: got %s (%v), want %s", text, got, err, want)
		}
	}
	fresh, err := addInstall(nil, entry)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := removeInstall(fresh, entry); err != nil || !noPolicies(got) {
		t.Errorf("got %s (%v), want no policies", got, err)
	}
}

func FuzzPolicies(f *testing.F) {
	f.Add(`{"policies":{"Certificates":{"Install":["a"]},"Z":[1,{"b":2}]}}`)
	f.Add("{ \"policies\" : { } }")
	f.Fuzz(func(t *testing.T, text string) {
		added, err := addInstall([]byte(text), entry)
		if err != nil || text == "" {
			return
		}
		list, err := parseInstallList(added)
		if err != nil || !slices.Contains(list.files, entry) {
			t.Fatalf("%q: got %q (%v)", text, added, err)
		}
		removed, err := removeInstall(added, entry)
		if err != nil {
			t.Fatalf("%q: %v", added, err)
		}
		if list, err = parseInstallList(removed); err != nil || slices.Contains(list.files, entry) {
			t.Fatalf("%q: got %q (%v)", added, removed, err)
		}
	})
}
