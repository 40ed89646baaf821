package example

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/picoca/picoca/e2e/rig"
)

// TestPictureOfTheApp is of the page of example --push, for docs/push.md.
func TestPictureOfTheApp(t *testing.T) {
	rig.NeedPictures(t)
	b := newMessageBoard(t, newPushService(t))
	page := string(rig.ReadFile(t, b.home.Path("project", "index.html")))
	rig.KeepPicture(t, "push-app.png", page, func(file string) {
		app := drive(t, "push-chromium.js", map[string]string{
			"chromium": rig.Need(t, "chromium", "chromium"), "home": trusting(t, b.home),
			"url": "https://pico.local:" + portOf(b.https) + "/", "resolve": "MAP pico.local 127.0.0.1",
			"message": "{}", "screenshot": filepath.Join(filepath.Dir(file), "app"),
		})
		app.next("open")
		if err := os.Rename(filepath.Join(filepath.Dir(file), "app-light.png"), file); err != nil {
			t.Fatal(err)
		}
	})
}
