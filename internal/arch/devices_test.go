package arch

import (
	"slices"
	"testing"

	"github.com/picoca/picoca/internal/ca"
	"github.com/picoca/picoca/internal/device"
	"github.com/picoca/picoca/internal/export"
)

// TestDevicesUseKnownNames checks the devices' files, which know containers and
// key types only by name, against the packages that have them.
func TestDevicesUseKnownNames(t *testing.T) {
	for _, d := range device.All() {
		checkContents(t, d.ID, d.Files)
		for _, f := range d.Firmware {
			checkContents(t, d.ID+"/"+f.ID, f.Files)
			for _, name := range slices.Concat(f.Keys, f.NotRecommendedKeys, f.RootKeys) {
				if kt, err := ca.ParseKeyType(name); err != nil || string(kt) != name {
					t.Errorf("device %q: key type %q: got %q, %v", d.ID, name, kt, err)
				}
			}
			// What issue chooses unasked must need no --force.
			if kt := ca.KeyType(f.Keys[0]); kt != ca.P256 && kt != ca.RSA2048 {
				t.Errorf("device %q: key type %q comes first, and the authority wants it forced", d.ID, kt)
			}
		}
	}
}

func checkContents(t *testing.T, device string, files []device.File) {
	t.Helper()
	for _, file := range files {
		spec := export.Spec(file.Content)
		if !slices.Contains(export.Containers(), spec.Container) {
			t.Errorf("%s, %s: container %q is unknown", device, spec.Name, spec.Container)
		}
		if _, err := export.ParseP12Profile(spec.Profile); spec.Profile != "" && err != nil {
			t.Errorf("%s, %s: %v", device, spec.Name, err)
		}
	}
}

// TestBoardFilesAreTheFormats: a board's files are called and made as those of
// the format on the command line, so that export --format writes the same.
func TestBoardFilesAreTheFormats(t *testing.T) {
	for target, id := range map[string]string{
		"pico-w": "der", "pico-2-w/micropython": "der", "esp32/circuitpython": "pem", "computer": "pkcs8",
		"pico-w/arduino": "c-header", "pico-w/pico-sdk": "c-header", "esp32/esp-idf": "esp-idf",
	} {
		parsed, err := device.ParseTarget(target)
		if err != nil {
			t.Fatal(err)
		}
		files, err := parsed.Files("p256", device.UseServer)
		if err != nil {
			t.Fatal(err)
		}
		format, err := export.Find(id)
		if err != nil {
			t.Fatal(err)
		}
		same := func(file device.File, spec export.Spec) bool {
			own := export.Spec(file.Content)
			return own.Name == spec.Name && own.Container == spec.Container && own.Key == spec.Key && slices.Equal(own.Parts, spec.Parts)
		}
		if !slices.EqualFunc(files, format.Device, same) {
			t.Errorf("%s: got %+v, and format %s is %+v", target, files, id, format.Device)
		}
	}
}

// TestEveryKeyTypeIsJudgedByMostDevices: a key type that a device's file does
// not name is reported as one that it does not load.
func TestEveryKeyTypeIsJudgedByMostDevices(t *testing.T) {
	for _, kt := range []ca.KeyType{ca.P256, ca.P384, ca.RSA2048, ca.RSA3072, ca.RSA4096} {
		judged, all := 0, 0
		for _, d := range device.All() {
			for _, f := range d.Firmware {
				all++
				if slices.Contains(slices.Concat(f.Keys, f.NotRecommendedKeys), string(kt)) {
					judged++
				}
			}
		}
		if judged < all/2 {
			t.Errorf("key type %q: %d of %d firmware know it", kt, judged, all)
		}
	}
}
