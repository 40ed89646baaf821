package push

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// mounted runs a script while the image $1 is mounted at $2, in a name space of
// its own: nothing of the machine changes. The kernel's own driver for FAT needs
// root, and not every kernel has it.
const mounted = `image=$1 drive=$2
fusefat -f -o rw+ "$image" "$drive" >/dev/null 2>&1 & fuse=$!
until mountpoint -q "$drive"; do
	kill -0 $fuse || exit 99
	sleep 0.01
done
%s
status=$?
cd /
umount "$drive" 2>/dev/null
wait $fuse 2>/dev/null
exit $status
`

// fatDrive is the drive of a board with CircuitPython, as an image.
type fatDrive struct {
	h          rig.Home
	image, dir string
}

func newFATDrive(t *testing.T, h rig.Home) fatDrive {
	t.Helper()
	rig.Need(t, "fusefat", "fusefat")
	d := fatDrive{h, h.Path("circuitpy.img"), h.Path("CIRCUIT PY")}
	file, err := os.Create(d.image)
	if err == nil {
		err = file.Truncate(1 << 20) // what a Pico W has for files
	}
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
	if err := os.Mkdir(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := rig.Outside(t, "dosfstools", "mkfs.vfat", "-n", "CIRCUITPY", d.image); err != nil {
		t.Fatalf("mkfs.vfat: %v\n%s", err, out)
	}
	d.must(`printf 'Adafruit CircuitPython 10.2.1 on 2026-02-20; Raspberry Pi Pico W with rp2040\r\nUID:E6614C311B4B5F2E\r\n' >"$drive/boot_out.txt"`)
	return d
}

// run runs a script, in which picoca is "$picoca", with the drive mounted.
func (d fatDrive) run(script string) (string, error) {
	d.h.T.Helper()
	args := []string{"--mount", "sh", "-c", fmt.Sprintf(mounted, script), "sh", d.image, d.dir}
	if os.Geteuid() != 0 {
		args = append([]string{"--map-root-user"}, args...)
	}
	cmd := exec.CommandContext(d.h.T.Context(), rig.Need(d.h.T, "unshare", "util-linux"), args...)
	cmd.Dir = d.h.Dir
	cmd.Env = append(os.Environ(), "PICOCA_HOME="+d.h.Path("store"), "picoca="+rig.Program())
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (d fatDrive) must(script string) string {
	d.h.T.Helper()
	out, err := d.run(script)
	if err != nil {
		d.h.T.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

// file returns what a file of the drive has, nil if it does not exist, from the
// image itself.
func (d fatDrive) file(name string) []byte {
	d.h.T.Helper()
	copied := d.h.Path("copied")
	os.Remove(copied)
	d.must(fmt.Sprintf(`[ ! -e "$drive/%s" ] || cp "$drive/%[1]s" copied`, name))
	data, _ := os.ReadFile(copied)
	return data
}

// has reports whether the drive has the pair in a folder.
func (d fatDrive) has(dir string) bool {
	d.h.T.Helper()
	return bytes.Equal(d.file("cert.der"), rig.ReadFile(d.h.T, d.h.Path(dir, "cert.der"))) &&
		bytes.Equal(d.file("key.der"), rig.ReadFile(d.h.T, d.h.Path(dir, "key.der")))
}

// TestFATDrive finds the drive by what the system says of its mounts, and
// replaces one pair by another.
func TestFATDrive(t *testing.T) {
	h := rig.NewHome(t)
	h.Issue("pico.local")
	d := newFATDrive(t, h)
	if out := d.must(`"$picoca" push pico.local`); !strings.Contains(out, "is on Raspberry Pi Pico W with rp2040 at "+d.dir) {
		t.Errorf("push: got %q", out)
	}
	if !d.has("pico.local") {
		t.Error("the drive has other files")
	}
	h.Issue("pico.local")
	d.must(`"$picoca" renew --due --push`)
	if !d.has("pico.local") {
		t.Error("after the renewal, the drive has other files")
	}
	if out := d.must(`ls "$drive"`); strings.Contains(out, ".old") || strings.Contains(out, ".new") {
		t.Errorf("left over: %q", out)
	}
	if out, err := rig.Outside(t, "dosfstools", "fsck.vfat", "-n", d.image); err != nil {
		t.Errorf("fsck.vfat: %v\n%s", err, out)
	}
}

// TestFullFATDrive: a drive without room keeps its pair, and works once there is
// room.
func TestFullFATDrive(t *testing.T) {
	h := rig.NewHome(t)
	h.Issue("pico.local")
	d := newFATDrive(t, h)
	d.must(`"$picoca" push pico.local`)
	if err := os.Rename(h.Path("pico.local"), h.Path("before")); err != nil {
		t.Fatal(err)
	}
	h.Run("renew", "pico.local", "--out", "pico.local")
	d.must(`dd if=/dev/zero of="$drive/data.csv" bs=1k 2>/dev/null; [ "$(stat -f -c %a "$drive")" -lt 2 ]`)
	out, err := d.run(`"$picoca" push pico.local`)
	if err == nil || !strings.Contains(out, "bytes free; the new files take") || !strings.Contains(out, "hint: delete files") {
		t.Errorf("push: got %v, %q; want it to name the room", err, out)
	}
	if !d.has("before") {
		t.Error("the full drive no longer has its pair")
	}
	d.must(`rm "$drive/data.csv" && "$picoca" push pico.local`)
	if !d.has("pico.local") {
		t.Error("with room again, the drive has other files")
	}
}

// TestFATDriveIsPulledOut: whenever that happens, picoca reports no pair that is
// not there, and the next push repairs what is.
func TestFATDriveIsPulledOut(t *testing.T) {
	h := rig.NewHome(t)
	h.Issue("pico.local")
	d := newFATDrive(t, h)
	d.must(`"$picoca" push pico.local`)
	failed := 0
	for i := 0; i < 30 && (i < 3 || failed == 0); i++ {
		sign := []string{"cert.der.new", "key.der.new", "cert.der.old"}[i%3]
		h.Issue("pico.local")
		out, err := d.run(fmt.Sprintf(`"$picoca" push pico.local & push=$!
while kill -0 $push 2>/dev/null && [ ! -e "$drive/%s" ]; do :; done
kill -KILL $fuse
umount -l "$drive"
wait $push`, sign))
		if err != nil {
			failed++
		} else if !d.has("pico.local") {
			t.Errorf("pulled out at %s: reported as good, but the drive has other files\n%s", sign, out)
		}
		d.must(`"$picoca" push pico.local`)
		if !d.has("pico.local") {
			t.Errorf("pulled out at %s: the next push did not repair it", sign)
		}
	}
	if failed == 0 {
		t.Error("the drive was never pulled out in time")
	}
	if left, _ := filepath.Glob(filepath.Join(d.dir, "*")); left != nil {
		t.Errorf("files were written to the folder below the drive: %q", left)
	}
}
