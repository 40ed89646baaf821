package device

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write table.go again")

// readFile returns what a device's file says.
func readFile(t testing.TB, id string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("devices", id+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestTableIsCurrent compares table.go with the devices' files, each of which it
// checks, or writes it again.
func TestTableIsCurrent(t *testing.T) {
	names, err := filepath.Glob("devices/*.json")
	if err != nil || len(names) < 5 {
		t.Fatalf("got the files %q, %v; want 5 or more", names, err)
	}
	var all []Device
	for _, name := range names {
		id := strings.TrimSuffix(filepath.Base(name), ".json")
		d, err := parse(readFile(t, id))
		if err != nil || d.ID != id {
			t.Errorf("%s: got %q, %v", name, d.ID, err)
		}
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Device) int { return strings.Compare(a.ID, b.ID) })
	want := tableSource(t, all)
	if *update {
		if err := os.WriteFile("table.go", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile("table.go")
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("table.go is not what the files in devices/ say (%v): run go generate ./internal/device", err)
	}
	if !reflect.DeepEqual(All(), all) {
		t.Errorf("got %+v, want %+v", All(), all)
	}
}

// tableSource returns table.go for all devices.
func tableSource(t *testing.T, all []Device) []byte {
	t.Helper()
	var b strings.Builder
	b.WriteString("// Code generated from devices/*.json by go generate; DO NOT EDIT.\n\npackage device\n\nvar table = ")
	writeValue(&b, reflect.ValueOf(all), true)
	source, err := format.Source([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// writeValue writes a value as Go does, without the fields that are zero. Lists of
// structs have a line for each; named says whether the type is needed.
func writeValue(b *strings.Builder, v reflect.Value, named bool) {
	if named && (v.Kind() == reflect.Slice || v.Kind() == reflect.Struct) {
		b.WriteString(strings.ReplaceAll(v.Type().String(), "device.", ""))
	}
	switch v.Kind() {
	case reflect.Slice:
		writeList(b, v)
	case reflect.Struct:
		b.WriteString("{")
		for i := range v.NumField() {
			if !v.Field(i).IsZero() {
				fmt.Fprintf(b, "%s: ", v.Type().Field(i).Name)
				writeValue(b, v.Field(i), true)
				b.WriteString(", ")
			}
		}
		b.WriteString("}")
	case reflect.String:
		fmt.Fprintf(b, "%q", v.String())
	default:
		fmt.Fprint(b, v.Interface())
	}
}

func writeList(b *strings.Builder, v reflect.Value) {
	end := ", "
	if v.Type().Elem().Kind() == reflect.Struct {
		end = ",\n"
	}
	b.WriteString("{" + strings.TrimLeft(end, ", "))
	for i := range v.Len() {
		writeValue(b, v.Index(i), false)
		b.WriteString(end)
	}
	b.WriteString("}")
}
