//go:build unix

package project

import (
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// licences are those that ask for no more than their text in the package, with
// words of theirs that no other one has.
var licences = []struct {
	name  string
	words string // as one line
}{
	{"Apache-2.0", "Apache License Version 2.0, January 2004"},
	{"MIT", "Permission is hereby granted, free of charge, to any person obtaining a copy"},
	{"BSD-3-Clause", "Neither the name of"},
	{"BSD-2-Clause", "Redistributions of source code must retain the above copyright notice"},
}

// otherTerms are words of licences that ask for more, or of none.
var otherTerms = regexp.MustCompile(`(?i)GNU (Lesser |Affero )?General Public|Mozilla Public|Eclipse Public|Common Development and Distribution|Commons Clause|Business Source|non-?commercial`)

// licenceOf names the licence of a text. The order of the list matters: BSD's
// third clause comes after the words of the second.
func licenceOf(text string) (string, error) {
	line := strings.Join(strings.Fields(text), " ")
	if term := otherTerms.FindString(line); term != "" {
		return "", fmt.Errorf("has the words %q", term)
	}
	for _, licence := range licences {
		if strings.Contains(line, licence.words) {
			return licence.name, nil
		}
	}
	return "", fmt.Errorf("is none of the known ones")
}

// TestLicencesOfDependencies: all that is linked into picoca may be passed on as
// picoca is, with the texts that a release has.
func TestLicencesOfDependencies(t *testing.T) {
	out, err := exec.Command(rig.Root + "/scripts/licences.sh").Output()
	if err != nil {
		t.Fatalf("scripts/licences.sh: %v", err)
	}
	parts := strings.Split(string(out), "\n==== ")[1:]
	for _, part := range parts {
		module, text, _ := strings.Cut(part, " ====\n")
		licence, err := licenceOf(text)
		if err != nil {
			t.Errorf("%s: licence %v", module, err)
		}
		t.Logf("%s: %s", module, licence)
	}
	linked, err := exec.Command("go", "list", "-C", rig.Root, "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}", "./cmd/picoca").Output()
	if err != nil {
		t.Fatal(err)
	}
	for module := range strings.FieldsSeq(string(linked)) {
		if !strings.Contains(string(out), "\n==== "+module+" ") {
			t.Errorf("%s is linked, and its licence is not listed", module)
		}
	}
	if len(parts) < 10 {
		t.Errorf("got %d parts, want 10 or more", len(parts))
	}
}

func TestLicencesThatAskForMoreAreRefused(t *testing.T) {
	for _, text := range []string{"GNU GENERAL PUBLIC LICENSE\nVersion 3", "Mozilla Public License, version 2.0", "All rights reserved.", "",
		"Permission is hereby granted, free of charge, to any person obtaining a copy ... for non-commercial use"} {
		if licence, err := licenceOf(text); err == nil {
			t.Errorf("%q: got %s, want an error", text, licence)
		}
	}
}
