package device

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// wanted are the devices that the documentation promises.
const wanted = `pico-w pico-2-w esp32 esp8266 iphone android browser computer esphome tasmota shelly mosquitto home-assistant
	zigbee2mqtt node-red nginx caddy haproxy octopi pihole adguard-home openwrt fritzbox unifi unifi-os synology qnap truenas
	openmediavault proxmox opnsense pfsense mikrotik zyxel-gs1900 jellyfin plex cockpit frigate canon-printer hp-printer
	axis-camera freeradius openvpn dovecot java`

func TestPromisedDevicesExist(t *testing.T) {
	for id := range strings.FieldsSeq(wanted) {
		if !slices.Contains(IDs(), id) {
			t.Errorf("device %q is missing", id)
		}
	}
}

// eachUse calls do with the files of each use of each firmware, and of each
// device without one.
func eachUse(t *testing.T, do func(target Target, key string, use Use, files []File)) {
	t.Helper()
	try := func(target Target) {
		for _, use := range []Use{UseServer, UseClient, UseBoth, UseTrust} {
			for _, key := range target.Keys() {
				files, err := target.Files(key, use)
				if target.hasUse(use) != (err == nil) {
					t.Errorf("%s, %s, %s: %v", target, key, use, err)
				}
				if err == nil {
					do(target, key, use, files)
				}
			}
		}
	}
	for _, d := range All() {
		if whole, err := d.defaultTarget(); err == nil {
			try(whole)
		}
	}
	eachFirmware(func(target Target, _ Firmware) { try(target) })
}

// TestFilesAreComplete: a server and a client need a certificate and its key,
// a device that only trusts needs neither.
func TestFilesAreComplete(t *testing.T) {
	eachUse(t, func(target Target, key string, use Use, files []File) {
		has := func(part string) bool { return slices.ContainsFunc(files, func(f File) bool { return f.Has(part) }) }
		if want := use != UseTrust; has("leaf") != want || has("key") != want {
			t.Errorf("%s, %s: certificate %v, key %v", target, use, has("leaf"), has("key"))
		}
		if use == UseTrust && !has("ca") {
			t.Errorf("%s: no root to trust", target)
		}
		seen := map[string]bool{}
		for _, file := range files {
			if name := strings.ToLower(file.Name); seen[name] {
				t.Errorf("%s, %s: two files are called %s", target, use, name)
			} else {
				seen[name] = true
			}
		}
	})
}

var (
	placeholder = regexp.MustCompile(`\{[^}]*\}`)
	inFolder    = regexp.MustCompile(`\{folder\}/(\{stem\}|)([A-Za-z0-9_.-]*)`)
)

// TestStepsUseTheFiles checks each step's files against those that are written.
func TestStepsUseTheFiles(t *testing.T) {
	known := []string{"{name}", "{stem}", "{folder}"}
	eachFirmware(func(target Target, f Firmware) {
		for _, step := range f.Steps {
			for _, found := range placeholder.FindAllString(step.Run+step.Do, -1) {
				if !slices.Contains(known, found) && strings.Trim(found, "{}abcdefghijklmnopqrstuvwxyz") == "" {
					t.Errorf("%s: step with %s, which is not replaced", target, found)
				}
			}
			uses := step.For
			if len(uses) == 0 {
				uses = f.Uses
			}
			for _, match := range inFolder.FindAllStringSubmatch(step.Run, -1) {
				for _, use := range uses {
					files := filesFor(f.Files, use)
					if !slices.ContainsFunc(files, func(file File) bool { return file.Name == match[1]+match[2] }) {
						t.Errorf("%s, %s: step %q names a file that is not written", target, use, step.Run)
					}
				}
			}
		}
	})
}

// TestStepsLeaveNoPlaceholders fills the steps as the command line does.
func TestStepsLeaveNoPlaceholders(t *testing.T) {
	eachUse(t, func(target Target, key string, use Use, files []File) {
		for _, step := range target.Steps(files, use, Place{Name: "nas.local", Stem: "nas.local", Folder: "nas.local"}) {
			for _, text := range []string{"{name}", "{stem}", "{folder}"} {
				if strings.Contains(step.Run+step.Do, text) {
					t.Errorf("%s: step still has %s: %+v", target, text, step)
				}
			}
		}
	})
}

// TestModesKeepKeysPrivate: a key that is installed with a mode is for its
// owner only.
func TestModesKeepKeysPrivate(t *testing.T) {
	installed := 0
	eachFirmware(func(target Target, f Firmware) {
		for _, file := range f.Files {
			if file.Mode != "" && file.Path == "" || file.Owner != "" && file.Mode == "" {
				t.Errorf("%s, %s: mode %q and owner %q without a path or a mode", target, file.Name, file.Mode, file.Owner)
			}
			if file.Mode != "" && !regexp.MustCompile(`^0[0-7]{3}$`).MatchString(file.Mode) {
				t.Errorf("%s, %s: mode %q", target, file.Name, file.Mode)
			}
			if file.Has("key") && file.Mode != "" {
				installed++
				if !strings.HasSuffix(file.Mode, "00") {
					t.Errorf("%s, %s: mode %q lets others read the key", target, file.Name, file.Mode)
				}
			}
		}
	})
	if installed == 0 {
		t.Error("no key is installed with a mode")
	}
}

// TestPlaintextOfDevicesIsShort holds notes and steps to one line of words.
func TestPlaintextOfDevicesIsShort(t *testing.T) {
	eachFirmware(func(target Target, f Firmware) {
		for _, note := range slices.Concat(f.Notes, target.Device.Notes) {
			if !strings.HasSuffix(note, ".") && !strings.HasSuffix(note, ".)") || strings.ContainsAny(note, "\n\t") {
				t.Errorf("%s: note %q is no sentence", target, note)
			}
		}
		for _, step := range f.Steps {
			if strings.HasSuffix(step.Do, ".") || strings.ContainsAny(step.Do+step.Run, "\n\t") || len(step.Do) > 300 {
				t.Errorf("%s: step %q is no fragment", target, step.Do)
			}
		}
	})
}

func TestSearchFindsDevices(t *testing.T) {
	for text, want := range map[string]string{
		"mosquitto": "mosquitto", "NAS synology": "", "synology": "synology", "rp2350": "pico-2-w", "printer canon": "canon-printer", "tls.pem": "pihole",
	} {
		var found []string
		for _, d := range All() {
			if d.Matches(text) {
				found = append(found, d.ID)
			}
		}
		if want != "" && !slices.Contains(found, want) || want == "" && len(found) > 0 {
			t.Errorf("%q: got %q, want %q", text, found, want)
		}
	}
}
