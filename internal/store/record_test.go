package store

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestLayout1BoardsAndFirmware(t *testing.T) {
	for _, row := range []struct{ board, firmware, want string }{
		{"", "", ""}, {"pico-w", "", "pico-w"}, {"pico-w", "circuitpython@10", "pico-w/circuitpython@10"}, {"computer", "", "computer"},
		{"arduino-pico", "", "pico-w/arduino"}, {"arduino-pico", "arduino@5", "pico-w/arduino@5"}, {"pico-sdk", "", "pico-w/pico-sdk"},
		{"esp32", "esp-idf@5", "esp32/esp-idf@5"}, {"esp8266", "", "esp8266/micropython"},
	} {
		data, err := json.Marshal(map[string]any{"name": "x", "board": row.board, "firmware": row.firmware, "names": []string{"x"}, "key": "p256"})
		if err != nil {
			t.Fatal(err)
		}
		record, err := parseRecord(data)
		if err != nil || record.For != row.want {
			t.Errorf("%q, %q: got %q, %v, want %q", row.board, row.firmware, record.For, err, row.want)
		}
	}
}

func TestRecordKeepsWhatALaterVersionAdds(t *testing.T) {
	record, err := parseRecord([]byte(`{"name":"x","for":"pico-w","later":{"a":[1]}}`))
	if err != nil || record.For != "pico-w" {
		t.Errorf("got %+v, %v", record, err)
	}
}

func TestHiddenCharacters(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "pico": false, "Küche/Tablet": false, "/home/you/a b": false, "می\u200cخواهم": false, "\u00a0": false,
		"\x00": true, "\n": true, "\x1b": true, "\x7f": true, "\u0085": true, "\u202e": true, "\u2066": true, "\ufeff": true, "\u2028": true, "\u2029": true, "\xff": true, "\u200b": true,
	} {
		if got := hidden(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// FuzzRecord checks whatever is accepted against the promise: nothing in it
// changes a terminal, and it is written and read again as it is.
func FuzzRecord(f *testing.F) {
	whole := string(encodeJSON(Record{Name: "pico.local", For: "pico-w", Folder: "/srv/pico", Batch: "x", Pushed: &Pushed{"/media", "1", noon}}))
	for _, seed := range []string{
		whole, whole[:len(whole)/2], "", "null", "{}", "[]", `{"name":"x","board":"pico-w","firmware":"circuitpython@10"}`, `{"name":"../x y","kind":"client"}`,
		`{"NAME":"x","name":"y"}`, `{"name":"\u202e"}`, `{"name":"x","pushed":{"at":"9999-12-31T23:59:59-23:59"}}`, `{"name":"x","board":"\u001b"}`, `{"name":"\u007f","pushed":{"to":"\u007f"}}`, `{"name":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		record, err := parseRecord(data)
		if err != nil {
			if !reflect.DeepEqual(record, Record{}) {
				t.Errorf("refused, and %+v returned", record)
			}
			if hidden(err.Error()) || len(err.Error()) > 4096 {
				t.Errorf("error %q", err)
			}
			return
		}
		if hidden(record.Name+record.For+record.Folder+record.Batch) || record.Pushed != nil && hidden(record.Pushed.To+record.Pushed.BoardID) {
			t.Errorf("accepted %+v", record)
		}
		if record.Pushed != nil && (record.Pushed.At.Year() < 0 || record.Pushed.At.Year() > 9999) {
			return // no JSON has it
		}
		once, err := json.Marshal(record)
		if err != nil {
			t.Fatalf("%+v: %v", record, err)
		}
		again, err := parseRecord(once)
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(once) {
			t.Errorf("got %s, then %s, %v", once, twice, err)
		}
	})
}

func TestErrorsOfRecordsAreShort(t *testing.T) {
	for _, data := range []string{`{"` + strings.Repeat("x", 100_000) + `":1,"name":2}`, `{"name":"` + strings.Repeat("x", 100_000) + `"}`, strings.Repeat("[", 100_000)} {
		if _, err := parseRecord([]byte(data)); err == nil || len(err.Error()) > 500 {
			t.Errorf("%.20s: got %.100v", data, err)
		}
	}
}
