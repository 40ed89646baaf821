package onboard

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/picoca/picoca/internal/ca"
)

//go:embed style.css
var styleCSS string

// iconSVG is the icon of the page, and the seal of the check.
//
//go:embed icon.svg
var iconSVG []byte

// stylePolicy allows our own style sheet, which stands in the page, and no other.
var stylePolicy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(styleCSS))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
})

// view is the server as one visitor sees it: the pages are made from it.
type view struct {
	*Server
	language  language
	device    Platform // empty: not known, let the reader pick
	elsewhere bool     // this browser cannot install: another one can
}

// viewFor is the view of a visitor. A device that the visitor has picked counts
// more than what the browser says.
func (s *Server) viewFor(r *http.Request, picked Platform) view {
	v := view{Server: s, language: choose(s.languages, r.Header.Get("Accept-Language")), device: picked}
	if picked == "" {
		v.device = s.visitors.meet(remoteAddr(r.RemoteAddr), platformOf(r.UserAgent()))
	}
	v.elsewhere = wantsAnother(v.device, r.UserAgent())
	return v
}

// text turns a text of the language into HTML.
func (v view) text(text string) safe { return markup(text, v.fill()) }

// say is the text with that key as HTML, plain the same for an attribute.
func (v view) say(key string) safe   { return v.text(v.language.say(key)) }
func (v view) plain(key string) safe { return escape(v.fill().Replace(v.language.say(key))) }

func (v view) fill() *strings.Replacer {
	return strings.NewReplacer(
		"{ca}", unbroken(v.ca()),
		"{device}", v.deviceName(),
		"{file}", v.device.file(),
		"{names}", strings.Join(v.limits.Names, ", "),
		"{ranges}", strings.Join(v.limits.Ranges, ", "),
	)
}

// ca is the root's name.
func (v view) ca() string { return v.config.Root.Subject.CommonName }

// unbroken keeps a name of usual length on one line, which the narrowest screen
// has room for in a heading.
func unbroken(name string) string {
	if len(name) > 16 {
		return name
	}
	return strings.ReplaceAll(name, " ", "\u00a0")
}

// deviceName is what a sentence calls the device: "iPhone", "Android device".
func (v view) deviceName() string {
	if v.device == "" {
		return v.language.say("device")
	}
	return cmp.Or(v.language.Words["device."+v.device.path()], string(v.device))
}

func (v view) guide() guide { return v.language.guideOf(v.device) }

// page is the page that the QR code leads to.
func (v view) page() safe {
	if v.device == "" {
		return v.head("which.title") + "<main>\n" + v.which() + "</main>\n<aside>" + v.about() + "</aside>\n" + v.foot()
	}
	return v.head("title") + "<main>\n" + v.steps() + "</main>\n<aside>" + v.about() + v.others() + "</aside>\n" + v.foot()
}

func (v view) head(title string) safe {
	return `<!doctype html>
<html lang="` + escape(v.language.Tag) + `">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>` + v.plain(title) + `</title>
<link rel="icon" href="` + escape(v.base()) + `/icon.svg" type="image/svg+xml">
<style>` + safe(styleCSS) + `</style>
</head>
<body>
<header><svg viewBox="0 0 24 24" aria-hidden="true"><path class="shield" d="M12 1.5 3.5 5v6.5c0 5 3.6 9.3 8.5 11 4.9-1.7 8.5-6 8.5-11V5z"/><path class="tick" d="m8 12 3 3 5-6"/></svg>` + escape(v.ca()) + `</header>
`
}

const end safe = "</body>\n</html>\n"

func (v view) foot() safe {
	return "<footer><p>" + v.say("dated") + "</p><p>" + v.say("ends") + "</p></footer>\n" + end
}

// which lets the reader pick a device.
func (v view) which() safe {
	return v.title("which.title", "which.lead") + v.devices() + v.fingerprint()
}

func (v view) title(title, lead string) safe {
	return "<h1>" + v.say(title) + `</h1>
<p class="lead">` + v.say(lead) + "</p>\n" +
		when(v.limits.Unlimited(), v.card("alarm", "limits", "about.warning.title", "<p>"+v.say("about.warning")+"</p>"))
}

// steps are the guide for the device. The role is for Safari, which takes a list
// with numbers of its own for none.
func (v view) steps() safe {
	return v.title("title", "lead") +
		when(v.device == Mac, `<p class="hint">`+v.say("mac.ipad")+` <a href="`+escape(v.base())+`/ipad">`+v.say("mac.ipad.link")+"</a></p>\n") +
		when(v.elsewhere, v.card("alarm", "elsewhere", "elsewhere.title", "<p>"+v.text(v.guide().Elsewhere)+"</p><p>"+v.say("elsewhere.copy")+
			`</p><p><code class="copy">`+escape(v.URL())+"</code></p>")) +
		`<ol class="steps" role="list">` + each(v.guide().Steps, v.step) + "</ol>\n"
}

func (v view) step(s step) safe {
	return "<li><div><p>" + v.text(s.Do) + "</p>\n" + v.slot(s.Slot) + when(s.Note != "", note(v.text(s.Note))) + "</div></li>\n"
}

func (v view) slot(name string) safe {
	switch name {
	case "download":
		return button(v.base()+"/"+v.device.file(), v.text(v.guide().Button))
	case "show":
		return v.fingerprint()
	case "compare":
		return v.fingerprint() + note(v.say("compare.why"))
	case "check":
		return button(v.checkURL(), v.say("check")) + note(v.say("check.then")+" "+v.say("check.warning"))
	}
	return ""
}

func note(text safe) safe { return `<p class="note">` + text + "</p>" }

func button(url string, text safe) safe {
	return `<p><a class="button" href="` + escape(url) + `">` + text + "</a></p>"
}

// fingerprint is the root's, in four pieces that a narrow screen can stack.
func (v view) fingerprint() safe {
	const piece = 8 * len("AB:")
	whole := ca.Fingerprint(v.config.Root)
	pieces := []string{whole[:piece], whole[piece : 2*piece], whole[2*piece : 3*piece], whole[3*piece:]}
	return "<figure><figcaption>" + v.say("fingerprint") + `</figcaption><code class="print">` +
		each(pieces, func(p string) safe { return "<span>" + escape(p) + "</span>" }) + "</code></figure>"
}

// card is a box with a heading, whose id is unique on the page.
func (v view) card(class, id safe, title string, body safe) safe {
	return `<section class="card ` + class + `" aria-labelledby="` + id + `"><h2 id="` + id + `">` + v.say(title) + "</h2>" + body + "</section>\n"
}

// about is what the reader is about to trust.
func (v view) about() safe {
	return v.card("", "about", "about",
		"<dl><dt>"+v.say("about.name")+"</dt><dd>"+escape(v.ca())+
			"</dd><dt>"+v.say("about.until")+"</dt><dd>"+escape(v.config.Root.NotAfter.UTC().Format(time.DateOnly))+
			"</dd><dt>"+v.say("about.vouches")+"</dt><dd>"+v.vouches()+"</dd></dl>")
}

func (v view) vouches() safe {
	names, addresses, only := "about.names", "about.home", "about.home.only"
	if v.limits.AnyName {
		names = "about.anyname"
	}
	switch {
	case v.limits.AnyAddress:
		addresses = "about.anyaddress"
	case len(v.limits.Ranges) > 0:
		addresses = "about.ranges"
	}
	if !v.limits.Home() {
		only = "about.only"
	}
	return "<ul><li>" + v.say(names) + "</li><li>" + v.say(addresses) + "</li></ul>" + when(!v.limits.Unlimited(), "<p>"+v.say(only)+"</p>")
}

// others are the other devices, and the way back.
func (v view) others() safe {
	return v.card("", "others", "devices", v.devices()) +
		v.card("", "undo", "undo", each(v.guide().Undo, func(text string) safe { return "<p>" + v.text(text) + "</p>" }))
}

func (v view) devices() safe {
	all := slices.CompactFunc(slices.Clone(platforms), func(a, b claim) bool { return a.Platform == b.Platform })
	return `<nav aria-label="` + v.plain("devices.label") + "\">\n" + each(all, func(p claim) safe {
		return `<a href="` + escape(v.base()+"/"+p.path()) + `"` + when(p.Platform == v.device, ` aria-current="page"`) + ">" + escape(string(p.Platform)) + "</a>\n"
	}) + "</nav>"
}

// checking is the first part of the check page, with the image that proves trust.
func (v view) checking(seal string) safe {
	return v.head("checking.title") + `<main class="check">
<h1>` + v.say("checking.title") + `</h1>
<div role="status"><p class="wait">` + v.say("checking") + `</p><img class="seal" src="` + escape(seal) + `" alt="" width="96" height="96">
`
}

// yes is the second part of the check page for a browser that trusts.
func (v view) yes() safe {
	return v.verdict("yes", "yes.title", "yes") + "</div>\n" + v.identityCard() +
		when(len(v.config.Devices) > 0, v.card("", "mine", "yes.devices", each(v.config.Devices, func(l Link) safe { return button(l.URL, escape(l.Name)) }))) +
		"</main>\n" + end
}

// identityCard offers the identity after the proof, while it is there.
func (v view) identityCard() safe {
	id := v.config.Identity
	if id == nil {
		return ""
	}
	if v.taken.Load() {
		return v.card("", "identity", "yes.identity", "<p>"+v.say("yes.identity.gone")+"</p>")
	}
	files := id.files(v.device)
	return v.card("", "identity", "yes.identity", "<p>"+v.say("yes.identity.how")+"</p>"+
		button(v.identityPath(files[0]), escape(id.Name))+
		note(v.say("yes.identity.other")+` <a href="`+escape(v.identityPath(files[1]))+`">`+escape(files[1].name)+"</a>"))
}

// no is the second part of the check page for everybody else.
func (v view) no() safe {
	return v.verdict("no", "no.title", "no") + "</div>\n" + button(v.URL(), v.say("no.back")) +
		`<p><a href="` + escape(v.checkURL()) + `">` + v.say("no.again") + "</a></p>\n</main>\n" + end
}

func (v view) verdict(class safe, title, text string) safe {
	return `<section class="verdict ` + class + `"><h2>` + v.say(title) + "</h2><p>" + v.say(text) + "</p></section>"
}
