package delegate

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/picoca/picoca/internal/fault"
)

func config() Config {
	return Config{
		Dir: `/srv/my "CA" $x 100%`, Hosts: []string{"ca.home.arpa", "192.168.1.2"}, Port: 9443,
		Root: []byte("root"), Issuer: []byte("issuer"), Key: []byte("key"), Passphrase: []byte("secret"),
	}
}

// files returns what a program gets, by name.
func files(t *testing.T, id string, c Config) map[string]File {
	t.Helper()
	p, err := Find(id)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]File{}
	for _, file := range p.Files(c) {
		all[file.Name] = file
	}
	return all
}

func TestPrivateFilesAreThoseWithSecrets(t *testing.T) {
	for _, id := range IDs() {
		for name, file := range files(t, id, config()) {
			secret := strings.Contains(string(file.Data), "secret") || string(file.Data) == "key"
			if file.Private != secret {
				t.Errorf("%s: %s: got private %v, want %v", id, name, file.Private, secret)
			}
			if p, _ := Find(id); slices.Contains(p.Private(), name) != secret {
				t.Errorf("%s: %s: among the private ones: %v, want %v", id, name, !secret, secret)
			}
		}
	}
}

func TestStepCAFindsItsFiles(t *testing.T) {
	c := config()
	all := files(t, "step-ca", c)
	var got map[string]any
	if err := json.Unmarshal(all[stepConfig].Data, &got); err != nil {
		t.Fatal(err)
	}
	for field, name := range map[string]string{"root": RootFile, "crt": IntermediateFile, "key": IntermediateKey} {
		if want := c.Dir + "/" + name; got[field] != want || all[name].Data == nil {
			t.Errorf("%s: got %q, want %q, which is written", field, got[field], want)
		}
	}
	if want := `ExecStart=step-ca "/srv/my \"CA\" $$x 100%%/ca.json" --password-file "/srv/my \"CA\" $$x 100%%/password"`; !strings.Contains(string(all[stepUnit].Data), want) {
		t.Errorf("unit: got\n%s\nwant %s", all[stepUnit].Data, want)
	}
	if string(all[stepPassword].Data) != "secret\n" {
		t.Errorf("password: got %q", all[stepPassword].Data)
	}
}

func TestTheRootItselfIsTheIssuer(t *testing.T) {
	c := config()
	c.IssuerIsRoot = true
	for _, id := range IDs() {
		all := files(t, id, c)
		if _, ok := all[IntermediateFile]; ok || all[rootKey].Data == nil {
			t.Errorf("%s: got an intermediate, or no key of the root", id)
		}
	}
	if text := string(files(t, "caddy", c)[caddyfile].Data); !strings.Contains(text, "sign_with_root") || strings.Contains(text, "intermediate") {
		t.Errorf("Caddyfile: got\n%s", text)
	}
}

// TestNamesNeedNoContents: a folder is looked at before anything is signed.
func TestNamesNeedNoContents(t *testing.T) {
	for _, id := range IDs() {
		p, err := Find(id)
		if err != nil {
			t.Fatal(err)
		}
		full := config()
		if got, want := p.FileNames(Config{Dir: "/x", Hosts: []string{"a"}}), p.FileNames(full); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
}

func TestFindUnknown(t *testing.T) {
	_, err := Find("vault")
	if !errors.As(err, new(*UnknownProgramError)) || fault.CodeOf(err) != fault.Usage || fault.HintOf(err).IsZero() {
		t.Errorf("got error %v, want an UnknownProgramError with a hint", err)
	}
}
