// Package device describes what certificates are for: boards and their
// firmware, servers, appliances, phones. It knows which files each one reads
// and under which names, which keys it loads, what they cost it, and whether a
// certificate fits. Each device is one JSON file in devices/; a new device is a
// new file. Their contents are compiled in as table.go: reading a file in each run
// would take as long as signing three certificates.
package device

import (
	"slices"
	"strings"
)

//go:generate go test -count=1 -run TestTableIsCurrent . -update

// Device is something that one buys or installs. What it loads depends on its
// firmware: most devices have one, boards have several.
type Device struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Group Group  `json:"group"`
	Chip  string `json:"chip,omitempty"`
	RAMKB int    `json:"ram_kb,omitempty"`
	// Default are the firmware that a target without one stands for. A device
	// with one firmware needs none; one with several and no default makes the
	// user choose.
	Default []string `json:"default,omitempty"`
	// Files are those that every default firmware loads, where there are several.
	Files    []File     `json:"files,omitempty"`
	Firmware []Firmware `json:"firmware"`
	Notes    []string   `json:"notes,omitempty"`
}

// Group is a kind of device, for lists.
type Group string

// groups are all kinds, in the order of a list.
var groups = []Group{"board", "server", "smart home", "network", "storage", "media", "camera", "printer", "client"}

// Groups returns every kind of device, in the order of a list.
func Groups() []Group { return slices.Clone(groups) }

// Firmware is a program that loads certificates on a device. Key types are
// named as on the command line (p256, rsa-2048), the best one first.
type Firmware struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Uses are what a certificate can be for in this firmware.
	Uses []Use `json:"uses"`
	// Keys load and are recommended; NotRecommendedKeys load, and cost too much.
	Keys               []string `json:"keys"`
	NotRecommendedKeys []string `json:"not_recommended_keys,omitempty"`
	// RootKeys are the key types a root must have for its leaves to load;
	// empty means any.
	RootKeys []string `json:"root_keys,omitempty"`
	// MaxCertificateBytes is the most DER that the firmware can serve, 0 if no
	// limit is known.
	MaxCertificateBytes  int    `json:"max_certificate_bytes,omitempty"`
	MaxCertificateSource string `json:"max_certificate_source,omitempty"`
	Files                []File `json:"files"`
	Steps                []Step `json:"steps,omitempty"`
	// Port is where it serves TLS, 0 if that varies.
	Port int `json:"port,omitempty"`
	// CSR says whether it makes its own key: "" if it does not or is not known to,
	// "also", or "only".
	CSR string `json:"csr,omitempty"`
	// CRL is how it learns which identities were revoked, "" if it reads no list.
	CRL      CRL       `json:"crl,omitzero"`
	Clock    Clock     `json:"clock,omitzero"`
	Versions []Version `json:"versions"`
	Costs    []Cost    `json:"costs,omitempty"`
	// ClientCosts are those of connections to other servers.
	ClientCosts []ClientCost `json:"client_costs,omitempty"`
	// Growth is that of the costs with a certificate's bytes.
	Growth Growth   `json:"growth,omitzero"`
	Notes  []string `json:"notes,omitempty"`
	// Tested says what of this a test runs, "" if nothing was run.
	Tested  string   `json:"tested,omitempty"`
	Sources []string `json:"sources"`
}

// Version is a range of versions of a firmware that load the same files.
type Version struct {
	// Range is "9.0 - 10.2", "1.23", or "any".
	Range string `json:"range"`
	TLS   string `json:"tls,omitempty"`
	// Loads lists containers of keys: sec1, pkcs1 or pkcs8, with -der or -pem.
	Loads       []string `json:"loads,omitempty"`
	LoadsSource string   `json:"loads_source,omitempty"`
	// Client says how it behaves as the client of a TLS server.
	Client Client `json:"client,omitzero"`
}

// CRL is where a server is given the list of revoked identities.
type CRL struct {
	Setting string `json:"setting"` // "crlfile FILE"
	Source  string `json:"source"`
}

// Clock is a device's clock without a network or a battery.
type Clock struct {
	PowerOn string `json:"power_on"` // "2021-01-01"
	Source  string `json:"source"`
}

// Client is how a firmware checks a server's certificate: "yes" or "no", "" if
// it is not known.
type Client struct {
	MatchesAddresses string `json:"matches_addresses,omitempty"`
	ChecksDates      string `json:"checks_dates,omitempty"`
	Source           string `json:"source"`
}

// Find returns the device with an ID, or an UnknownDeviceError. Its lists are
// shared and must not be changed.
func Find(id string) (Device, error) {
	i, found := slices.BinarySearchFunc(table, id, func(d Device, id string) int { return strings.Compare(d.ID, id) })
	if !found {
		return Device{}, UnknownDeviceError{id}
	}
	return table[i], nil
}

// IDs returns the ID of every device, in order.
func IDs() []string {
	ids := make([]string, len(table))
	for i, d := range table {
		ids[i] = d.ID
	}
	return ids
}

// All returns every device, ordered by ID. Their lists are shared and must not be
// changed.
func All() []Device { return slices.Clone(table) }

// Matches reports whether all words of a text occur in what describes the
// device: its ID, names, group, notes, files, and steps.
func (d *Device) Matches(text string) bool {
	all := []string{d.ID, d.Name, string(d.Group), d.Chip}
	all = append(all, d.Notes...)
	for _, f := range d.Firmware {
		all = append(all, f.ID, f.Name)
		all = append(all, f.Notes...)
		for _, file := range f.Files {
			all = append(all, file.Name, file.Container, file.Path)
		}
		for _, step := range f.Steps {
			all = append(all, step.Do, step.Run)
		}
	}
	description := strings.ToLower(strings.Join(all, "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		if !strings.Contains(description, word) {
			return false
		}
	}
	return true
}

// find returns the firmware with an ID.
func (d *Device) find(id string) (Firmware, bool) {
	i := slices.IndexFunc(d.Firmware, func(f Firmware) bool { return f.ID == id })
	if i < 0 {
		return Firmware{}, false
	}
	return d.Firmware[i], true
}

// IsBoard reports whether the device is a board that runs a user's program.
func (d *Device) IsBoard() bool { return d.Group == "board" }
