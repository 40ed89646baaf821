package onboard

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/picoca/picoca/internal/ca"
)

//go:embed style.css
var styleCSS string

// iconSVG is the icon of the pages, and the proof image.
//
//go:embed icon.svg
var iconSVG []byte

// stylePolicy allows only our own style sheet, which is part of the page.
var stylePolicy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(styleCSS))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
})

// view is the server as one visitor sees it: the pages are made from it.
type view struct {
	*Server
	language language
	device   Platform // empty: unknown, the reader chooses
	other    bool     // this browser cannot install, but another one can
	board    string   // that serves the page as a file, "" for the server
	paper    bool     // it is a sheet to print
}

// viewFor returns a visitor's view. A device that the reader picked takes
// precedence over what the browser claims.
func (s *Server) viewFor(r *http.Request, picked Platform) view {
	v := view{Server: s, language: choose(s.languages, r.Header.Get("Accept-Language")), device: picked}
	if picked == "" {
		v.device = s.visitors.meet(remoteAddr(r.RemoteAddr), platformOf(r.UserAgent()))
	}
	v.other = needsOtherBrowser(v.device, r.UserAgent())
	return v
}

func (v *view) roots() []root   { return v.config.roots() }
func (v *view) further() []root { return v.roots()[1:] }

// text turns a text of the language into HTML, with the names of the first root.
func (v *view) text(text string) safe { return v.textFor(v.signing(), text) }

// textFor does it with the names of any root.
func (v *view) textFor(r root, text string) safe { return markup(text, v.fill(r)) }

// say returns the text with that key as HTML, and plain for an attribute.
func (v *view) say(key string) safe            { return v.text(v.language.say(key)) }
func (v *view) sayFor(r root, key string) safe { return v.textFor(r, v.language.say(key)) }
func (v *view) plain(key string) safe {
	return escape(v.fill(v.signing()).Replace(v.language.say(key)))
}
func (v *view) sayWith(key, name, value string) safe {
	return markup(v.language.say(key), strings.NewReplacer(name, value, "{device}", v.deviceName()))
}

func (v *view) fill(r root) *strings.Replacer {
	return strings.NewReplacer(
		"{ca}", unbroken(r.name()),
		"{device}", v.deviceName(),
		"{file}", r.file(v.device),
		"{crt}", r.crtFile(),
		"{board}", v.board,
		"{known}", v.known(),
	)
}

// known says where the reader finds the right fingerprint.
func (v *view) known() string {
	switch {
	case v.paper:
		return v.language.say("known.paper")
	case v.board != "":
		return v.language.say("known.sheet")
	case v.device == Mac || v.device == Windows || v.device == Linux:
		return v.language.say("known.here")
	}
	return v.language.say("known.terminal")
}

func (r root) name() string { return r.cert.Subject.CommonName }

// names lists roots in a sentence.
func (v *view) names(roots []root) string {
	var all []string
	for _, r := range roots {
		all = append(all, unbroken(r.name()))
	}
	if last := len(all) - 1; last > 0 {
		return strings.Join(all[:last], ", ") + " " + v.language.say("and") + " " + all[last]
	}
	return strings.Join(all, ", ")
}

// unbroken keeps a name of usual length on one line, which has room in a heading
// on the narrowest screen.
func unbroken(name string) string {
	if len(name) > 16 {
		return name
	}
	return strings.ReplaceAll(name, " ", "\u00a0")
}

// deviceName returns what a sentence calls the device: "iPhone", "Android device".
func (v *view) deviceName() string {
	if v.device == "" {
		return v.language.say("device")
	}
	return cmp.Or(v.language.Words["device."+v.device.path()], string(v.device))
}

func (v *view) guide() guide { return v.language.guideOf(v.device) }

// page is the page that the QR code leads to.
func (v *view) page() safe {
	if v.device == "" {
		return v.head("which.title") + "<main>\n" + v.which() + "</main>\n<aside>" + v.about() + "</aside>\n" + v.foot()
	}
	return v.head("title") + "<main>\n" + v.steps() + "</main>\n<aside>" + v.about() + v.aside() + "</aside>\n" + v.foot()
}

func (v *view) head(title string) safe {
	return `<!doctype html>
<html lang="` + escape(v.language.Tag) + `">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>` + v.plain(title) + `</title>
` + v.icon() + `
<style>` + safe(styleCSS) + `</style>
</head>
<body>
<header><svg viewBox="0 0 24 24" aria-hidden="true"><path class="shield" d="M12 1.5 3.5 5v6.5c0 5 3.6 9.3 8.5 11 4.9-1.7 8.5-6 8.5-11V5z"/><path class="tick" d="m8 12 3 3 5-6"/></svg>` + escape(v.signing().name()) + `</header>
`
}

// icon is none on a board: there, each file more is one request more, and what is
// not linked is asked for.
func (v *view) icon() safe {
	if v.board != "" {
		return `<link rel="icon" href="data:,">`
	}
	return `<link rel="icon" href="` + escape(v.base()) + `/icon.svg" type="image/svg+xml">`
}

const end safe = "</body>\n</html>\n"

func (v *view) foot() safe {
	return "<footer><p>" + v.say("dated") + "</p><p>" + v.say("ends") + "</p></footer>\n" + end
}

// which lets the reader choose a device.
func (v *view) which() safe {
	return v.title("which.title", "which.lead") + v.devices() + each(v.roots(), v.fingerprint)
}

func (v *view) title(title, lead string) safe {
	return "<h1>" + v.say(title) + `</h1>
<p class="lead">` + v.say(lead) + "</p>\n" + v.several() + each(v.roots(), v.warning)
}

// several says that there is more than one root.
func (v *view) several() safe {
	if len(v.further()) == 0 {
		return ""
	}
	fill := strings.NewReplacer("{count}", strconv.Itoa(len(v.roots())), "{names}", v.names(v.roots()))
	return hint(markup(v.language.say("several"), fill))
}

// warning is for a root that can vouch for any name.
func (v *view) warning(r root) safe {
	if len(ca.ScopeOf(r.cert).Domains) > 0 {
		return ""
	}
	id := escape("limits-" + strconv.Itoa(r.place))
	return card("alarm", id, v.sayFor(r, "about.warning.title"), paragraph(v.sayFor(r, "about.warning")))
}

// steps are the guide for the device. The role is for Safari, which takes a list
// with numbers of its own for none.
func (v *view) steps() safe {
	return v.title("title", "lead") + v.mistaken() + when(v.other, v.otherBrowser()) +
		`<ol class="steps" role="list">` + each(v.guide().Steps, v.step) + "</ol>\n"
}

// mistaken leads readers to the device that theirs may really be.
func (v *view) mistaken() safe {
	switch v.device {
	case Mac:
		return hint(v.say("ipad") + " " + link(v.base()+"/"+IPad.path(), v.say("ipad.link")))
	case Android:
		return hint(v.say("samsung") + " " + link(v.base()+"/"+Samsung.path(), v.say("samsung.link")))
	}
	return ""
}

func (v *view) otherBrowser() safe {
	return card("alarm", "other", v.say("other.title"), paragraph(v.text(v.guide().Other))+paragraph(v.say("other.copy"))+
		paragraph(`<code class="copy">`+escape(v.URL())+"</code>"))
}

func (v *view) step(s step) safe {
	again := func(r root) safe { return when(s.Each != "", paragraph(v.sayFor(r, s.Each))) }
	return "<li><div><p>" + v.text(s.Do) + "</p>\n" + each(v.further(), again) + v.slot(s.Slot) + when(s.Note != "", note(v.text(s.Note))) + "</div></li>\n"
}

func (v *view) slot(name string) safe {
	switch name {
	case "download":
		return v.downloads()
	case "show":
		return each(v.roots(), v.fingerprint)
	case "compare":
		return when(v.board == "", each(v.roots(), v.fingerprint)) + note(v.say("compare.why"))
	case "check":
		if v.board != "" {
			return button("https://"+v.board+"/", v.say("board.open")) + note(v.say("board.then")+" "+v.say("check.warning"))
		}
		return button(v.checkURL(), v.say("check")) + note(v.say("check.then")+" "+v.say("check.warning"))
	}
	return ""
}

// downloads are the buttons: one profile with all roots, or a file for each.
func (v *view) downloads() safe {
	if v.device.handheld() || len(v.further()) == 0 {
		return button(v.base()+"/"+v.signing().file(v.device), v.text(v.guide().Button))
	}
	return each(v.roots(), func(r root) safe {
		return button(v.base()+"/"+r.file(v.device), v.sayFor(r, "download.ca"))
	})
}

func paragraph(text safe) safe { return "<p>" + text + "</p>" }
func note(text safe) safe      { return `<p class="note">` + text + "</p>" }
func hint(text safe) safe      { return `<p class="hint">` + text + "</p>\n" }

func link(url string, text safe) safe { return `<a href="` + escape(url) + `">` + text + "</a>" }

func button(url string, text safe) safe {
	return `<p><a class="button" href="` + escape(url) + `">` + text + "</a></p>"
}

// fingerprint shows a root's, in four pieces that a narrow screen can stack.
func (v *view) fingerprint(r root) safe {
	const piece = 8 * len("AB:")
	whole := ca.Fingerprint(r.cert)
	pieces := []string{whole[:piece], whole[piece : 2*piece], whole[2*piece : 3*piece], whole[3*piece:]}
	return "<figure><figcaption>" + v.sayFor(r, "fingerprint") + `</figcaption><code class="print">` +
		each(pieces, func(p string) safe { return "<span>" + escape(p) + "</span>" }) + "</code></figure>"
}

// card is a box with a heading, whose id is unique on the page.
func card(class, id, title, body safe) safe {
	return `<section class="card ` + class + `" aria-labelledby="` + id + `"><h2 id="` + id + `">` + title + "</h2>" + body + "</section>\n"
}

// about is what the reader is about to trust.
func (v *view) about() safe {
	return card("", "about", v.say("about"), each(v.roots(), func(r root) safe {
		return "<dl><dt>" + v.say("about.name") + "</dt><dd>" + escape(r.name()) +
			"</dd><dt>" + v.say("about.until") + "</dt><dd>" + escape(day(r.cert.NotAfter)) +
			"</dd><dt>" + v.say("about.vouches") + "</dt><dd>" + v.vouches(ca.ScopeOf(r.cert)) + "</dd></dl>"
	}))
}

// vouches is what a certificate says about itself, no more.
func (v *view) vouches(s ca.Scope) safe {
	return "<ul>" + each([]safe{v.vouchedNames(s), v.vouchedAddresses(s), v.vouchedMail(s)}, func(item safe) safe {
		return "<li>" + item + "</li>"
	}) + "</ul>" + v.cannot(s)
}

func (v *view) vouchedNames(s ca.Scope) safe {
	if len(s.Domains) == 0 {
		return v.say("about.names.any")
	}
	return v.sayWith("about.names", "{names}", s.Endings())
}

func (v *view) vouchedAddresses(s ca.Scope) safe {
	switch {
	case s.NoAddress:
		return v.say("about.addresses.none")
	case len(s.Ranges) == 0:
		return v.say("about.addresses.any")
	case s.HomeAddresses():
		return v.say("about.addresses")
	}
	var all []string
	for _, r := range s.Ranges {
		all = append(all, netip.Prefix.String(r))
	}
	return v.sayWith("about.ranges", "{ranges}", strings.Join(all, ", "))
}

func (v *view) vouchedMail(s ca.Scope) safe {
	if len(s.Mail) == 0 {
		return v.say("about.mail.any")
	}
	return v.sayWith("about.mail", "{mail}", strings.Join(s.Mail, ", "))
}

// cannot says what the limits exclude; nothing if any name is permitted.
func (v *view) cannot(s ca.Scope) safe {
	key := "about.cannot.othername"
	switch {
	case len(s.Domains) == 0:
		return ""
	case s.HomeNames() && s.HomeAddresses() && s.HomeMail():
		key = "about.cannot.both"
	case s.HomeNames() && s.HomeAddresses():
		key = "about.cannot.web"
	case s.HomeNames():
		key = "about.cannot.name"
	case len(s.Ranges) > 0:
		key = "about.cannot.other"
	}
	return paragraph(v.say(key) + " " + v.say("about.enforced"))
}

// aside lists the other devices, and how to undo the steps.
func (v *view) aside() safe {
	return card("", "devices", v.say("devices"), v.devices()) +
		card("", "undo", v.say("undo"), each(v.roots(), v.undo))
}

// undo is how to remove one root. One profile holds them all.
func (v *view) undo(r root) safe {
	if v.device.handheld() && r.place > 1 {
		return ""
	}
	return each(v.guide().Undo, func(text string) safe { return paragraph(v.textFor(r, text)) })
}

func (v *view) devices() safe {
	all := slices.CompactFunc(slices.Clone(platforms), func(a, b claim) bool { return a.Platform == b.Platform })
	return `<nav aria-label="` + v.plain("devices.label") + "\">\n" + each(all, func(p claim) safe {
		return `<a href="` + escape(v.base()+"/"+p.path()) + `"` + when(p.Platform == v.device, ` aria-current="page"`) + ">" + escape(string(p.Platform)) + "</a>\n"
	}) + "</nav>"
}

// checking is the first part of the check page, with the image that proves trust.
func (v *view) checking(proof string) safe {
	return v.head("checking.title") + `<main class="check">
<h1>` + v.say("checking.title") + `</h1>
<div role="status"><p class="wait">` + v.say("checking") + `</p><img class="proof" src="` + escape(proof) + `" alt="" width="96" height="96">
`
}

// yes is the second part of the check page for a browser that trusts.
func (v *view) yes() safe {
	return verdict("yes", v.say("yes.title"), v.say("yes")) + "</div>\n" +
		when(len(v.further()) > 0, hint(v.sayWith("yes.others", "{names}", v.names(v.further())))) +
		v.identity() + v.links() + when(!v.waiting(), note(v.say("yes.close"))) + "</main>\n" + end
}

// waiting reports whether the identity is still to be downloaded.
func (v *view) waiting() bool { return v.config.Identity != nil && !v.taken.Load() }

// links lead to the pages of the devices.
func (v *view) links() safe {
	if len(v.config.Devices) == 0 {
		return ""
	}
	return card("", "links", v.say("yes.devices"), each(v.config.Devices, func(l Link) safe { return button(l.URL, escape(l.Name)) }))
}

// identity offers the identity after the proof, as long as it can be downloaded.
func (v *view) identity() safe {
	id := v.config.Identity
	switch {
	case id == nil:
		return ""
	case !v.waiting():
		return card("", "identity", v.say("yes.identity"), paragraph(v.say("yes.identity.gone")))
	}
	main := button(v.identityPath(id.main(v.device)), v.sayWith("yes.identity.button", "{identity}", id.Name))
	return card("", "identity", v.say("yes.identity"), paragraph(v.say("yes.identity.how"))+main+
		when(v.device.handheld(), note(v.say("yes.identity.safari")))+
		when(v.device.apple(), note(v.say("yes.identity.file")+" "+link(v.identityPath(id.p12()), escape(id.p12().name)))))
}

// no is the second part of the check page for all others.
func (v *view) no(reason string) safe {
	text := "no.unknown"
	if reason == pastWarning {
		text = "no.refused"
	}
	return verdict("no", v.say("no.title"), v.say(text)) + "</div>\n" + button(v.URL(), v.say("no.back")) +
		paragraph(link(v.checkURL(), v.say("no.again"))) + "\n</main>\n" + end
}

func verdict(class, title, text safe) safe {
	return `<section class="verdict ` + class + `"><h2>` + title + "</h2>" + paragraph(text) + "</section>"
}
