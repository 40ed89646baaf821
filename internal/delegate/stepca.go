package delegate

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/picoca/picoca/internal/fault"
)

// Names of step-ca's own files.
const (
	stepConfig   = "ca.json"
	stepTemplate = "leaf.tpl"
	stepPassword = PasswordFile
	stepUnit     = "step-ca.service"
	stepClients  = "clients.txt"
)

// leafTemplate gives what step-ca issues the purpose of a server only. Its own
// template adds that of a client: every ACME certificate would then also pass
// as an identity in mutual TLS under this root.
const leafTemplate = `{
  "subject": {{ toJson .Subject }},
  "sans": {{ toJson .SANs }},
  "keyUsage": ["digitalSignature"],
  "extKeyUsage": ["serverAuth"]
}
`

// The types of ca.json (smallstep's documentation of step-ca, "Configuration").
type (
	stepCAConfig struct {
		Root      string        `json:"root"`
		Cert      string        `json:"crt"`
		Key       string        `json:"key"`
		Address   string        `json:"address"`
		DNSNames  []string      `json:"dnsNames"`
		Logger    stepLogger    `json:"logger"`
		DB        stepDB        `json:"db"`
		Authority stepAuthority `json:"authority"`
	}
	stepLogger struct {
		Format string `json:"format"`
	}
	stepDB struct {
		Type       string `json:"type"`
		DataSource string `json:"dataSource"`
	}
	stepAuthority struct {
		Claims       stepClaims        `json:"claims"`
		Provisioners []stepProvisioner `json:"provisioners"`
	}
	stepClaims struct {
		Min     string `json:"minTLSCertDuration"`
		Max     string `json:"maxTLSCertDuration"`
		Default string `json:"defaultTLSCertDuration"`
	}
	stepProvisioner struct {
		Type       string      `json:"type"`
		Name       string      `json:"name"`
		ForceCN    bool        `json:"forceCN"`
		Challenges []string    `json:"challenges"`
		Options    stepOptions `json:"options"`
	}
	stepOptions struct {
		X509 stepX509 `json:"x509"`
	}
	stepX509 struct {
		TemplateFile string `json:"templateFile"`
	}
)

// stepCA returns step-ca's configuration. All paths are absolute: it looks for
// a relative template in ~/.step, and only the first order would fail.
func stepCA(c Config) []File {
	config := stepCAConfig{
		Root: c.in(RootFile), Cert: c.in(c.certFile()), Key: c.in(c.keyFile()),
		Address: c.address(), DNSNames: c.Hosts, Logger: stepLogger{"text"},
		DB: stepDB{"bbolt", c.in("db.bolt")},
		Authority: stepAuthority{
			// A month by default: longer than a holiday, and renewed by itself.
			Claims: stepClaims{Min: "5m", Max: "2160h", Default: "720h"},
			Provisioners: []stepProvisioner{{
				Type: "ACME", Name: "acme", ForceCN: true, Challenges: []string{"http-01", "tls-alpn-01"},
				Options: stepOptions{stepX509{c.in(stepTemplate)}},
			}},
		},
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		panic(err) // strings only
	}
	return []File{
		{Name: stepPassword, Data: append(append([]byte{}, c.Passphrase...), '\n'), Private: true},
		{Name: stepConfig, Data: append(data, '\n')},
		{Name: stepTemplate, Data: []byte(leafTemplate)},
		{Name: stepUnit, Data: []byte(stepCAUnit(c))},
		{Name: stepClients, Data: []byte(stepCAClients(c))},
	}
}

// stepCAUnit is a unit of the user who owns the folder. It writes to no other
// place.
func stepCAUnit(c Config) string {
	return fmt.Sprintf(`[Unit]
Description=step-ca, a CA under picoca's root
Documentation=https://smallstep.com/docs/step-ca

[Service]
ExecStart=step-ca %s --password-file %s
Restart=on-failure
RestartSec=10
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=%s

[Install]
WantedBy=default.target
`, unitWord(c.in(stepConfig)), unitWord(c.in(stepPassword)), unitWord(c.Dir))
}

// unitWord quotes a word for a unit: systemd.syntax(7), "Quoting", and
// systemd.unit(5), "Specifiers", and $ of ExecStart in systemd.service(5).
func unitWord(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `%`, `%%`, `$`, `$$`).Replace(word) + `"`
}

// stepCAClients has the issuer in Caddy's sites: a global acme_ca does not count
// for the names of a home, for which Caddy asks its own CA.
func stepCAClients(c Config) string {
	directory := c.url() + "/acme/acme/directory"
	return fmt.Sprintf(`# Caddyfile: each site must name the issuer, or Caddy's own CA issues for names of a home. The root must be on that computer.
(picoca) {
	tls {
		issuer acme {
			dir %[1]s
			trusted_roots /etc/caddy/%[2]s
		}
	}
}
nas.home.arpa {
	import picoca
	respond "It works."
}

# acme.sh, with a web server that serves /var/www/html on port 80 (not tried)
acme.sh --issue -d nas.home.arpa -w /var/www/html --server %[1]s --ca-bundle %[2]s
`, directory, RootFile)
}

func stepCASteps(c Config) []string {
	steps := []string{
		"step-ca " + fault.Quote(c.in(stepConfig)) + " --password-file " + fault.Quote(c.in(stepPassword)),
		"systemctl --user enable --now " + fault.Quote(c.in(stepUnit)),
	}
	return steps
}
