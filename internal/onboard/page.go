package onboard

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS string

// iconSVG is the icon of the page, and the seal of the check.
//
//go:embed icon.svg
var iconSVG []byte

var templates = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Parse(pageHTML))
})

// stylePolicy allows our own style sheet, which stands in the page, and no other.
var stylePolicy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(styleCSS))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
})

// view is what a template draws from: the server, as one visitor sees it.
type view struct {
	server    *Server
	language  language
	Device    Platform // empty: not known, let the reader pick
	Elsewhere bool     // this browser cannot install: another one can
	SealURL   string   // on the check page
}

// viewFor is the view of a visitor. A device that the visitor has picked counts
// more than what the browser says.
func (s *Server) viewFor(r *http.Request, picked Platform) view {
	claimed := platformOf(r.UserAgent())
	v := view{server: s, language: choose(s.languages, r.Header.Get("Accept-Language")), Device: picked}
	if picked == "" {
		v.Device = s.visitors.meet(remoteAddr(r.RemoteAddr), claimed)
	}
	v.Elsewhere = v.Device == claimed && cannotInstall(claimed, r.UserAgent())
	return v
}

// write executes a template. The only error it meets is a visitor who has left.
func (v view) write(w io.Writer, name string) { _ = templates().ExecuteTemplate(w, name, v) }

// CA is the root's name.
func (v view) CA() string { return v.server.config.Root.Subject.CommonName }

// Until is the last day of the root.
func (v view) Until() string { return v.server.config.Root.NotAfter.UTC().Format(time.DateOnly) }

// Limits are what the root may vouch for.
func (v view) Limits() limits { return v.server.limits }

// Base is the path that all others start with.
func (v view) Base() string { return v.server.base() }

// URL is the page's address.
func (v view) URL() string { return v.server.URL() }

// CheckURL is the check page's address.
func (v view) CheckURL() string { return "https://" + v.server.checkHost() + v.Base() }

// Devices are the pages to visit in the end.
func (v view) Devices() []Link { return v.server.config.Devices }

// Identity is what is handed out in the end; nil for none.
func (v view) Identity() *Identity { return v.server.config.Identity }

// IdentityPath is where it is: known only to who has passed the check.
func (v view) IdentityPath() string { return v.server.identityPath }

// Taken tells whether the identity has been downloaded.
func (v view) Taken() bool { return v.server.taken.Load() }

// Text turns a text of the language into HTML.
func (v view) Text(text string) template.HTML { return markup(text, v.fill()) }

// Say is the text with that key as HTML.
func (v view) Say(key string) template.HTML { return v.Text(v.language.say(key)) }

// Plain is the text with that key for places that hold no HTML.
func (v view) Plain(key string) string { return v.fill().Replace(v.language.say(key)) }

func (v view) fill() *strings.Replacer {
	return strings.NewReplacer(
		"{ca}", unbroken(v.CA()),
		"{device}", v.deviceName(),
		"{file}", v.File(),
		"{names}", strings.Join(v.Limits().Names, ", "),
		"{ranges}", strings.Join(v.Limits().Ranges, ", "),
	)
}

// unbroken keeps a name of usual length on one line.
func unbroken(name string) string {
	if len(name) > 24 {
		return name
	}
	return strings.ReplaceAll(name, " ", "\u00a0")
}

// deviceName is what a sentence calls the device: "iPhone", "Android device".
func (v view) deviceName() string {
	if v.Device == "" {
		return v.language.say("device")
	}
	return cmp.Or(v.language.Words["device."+v.Device.path()], string(v.Device))
}

// Language is the tag for the html element.
func (v view) Language() string { return v.language.Tag }

// Style is the style sheet, byte for byte: its hash stands in the header.
func (v view) Style() template.CSS { return template.CSS(styleCSS) }

// Guide is what the reader has to do.
func (v view) Guide() guide { return v.language.guideOf(v.Device) }

// File is what the download button gives.
func (v view) File() string { return v.Device.file() }

// MaybeIPad tells that the reader may hold an iPad that calls itself a Mac.
func (v view) MaybeIPad() bool { return v.Device == Mac }

// Fingerprint is the root's, in four pieces that a narrow screen can stack.
func (v view) Fingerprint() []string {
	const piece = 8 * len("AB:")
	whole := Fingerprint(v.server.config.Root)
	return []string{whole[:piece], whole[piece : 2*piece], whole[2*piece : 3*piece], whole[3*piece:]}
}

// platformLink is one device of the list.
type platformLink struct {
	Name, Path string
	Current    bool
}

// Platforms are the devices to choose from.
func (v view) Platforms() []platformLink {
	var links []platformLink
	for _, p := range platforms {
		link := platformLink{string(p.Platform), p.path(), p.Platform == v.Device}
		if len(links) == 0 || links[len(links)-1].Name != link.Name {
			links = append(links, link)
		}
	}
	return links
}
