package onboard

import "crypto/x509"

// Board is a device that serves the roots for good, as files over plain HTTP: a
// new phone then needs no computer. The owner compares with the fingerprint on a
// printed sheet.
type Board struct {
	// Name is the device's, as in its certificate: a DNS name or an IPv4 address.
	Name string
	// Roots are those to trust, the one that signs first.
	Roots []*x509.Certificate
	// Profile is the Apple profile with all roots; only Files needs it.
	Profile []byte
}

// BoardFile is a file that a board serves at Path. All its bytes are public.
type BoardFile struct {
	Path, Name, Type string
	Data             []byte
}

// boardToken is the path that takes the place of a server's random one: the board
// serves the same page for good, and it stands on paper.
const boardToken = "trust"

// URL returns where the page is.
func (b Board) URL() string { return "http://" + b.Name + "/" + boardToken }

// Files returns the page with the steps, the profile, and a certificate for each
// root. It fails if a root is not a CA, or if the profile lacks one or contains an
// identity.
func (b Board) Files() ([]BoardFile, error) {
	v, err := b.view()
	if err != nil {
		return nil, err
	}
	if err := v.config.Offer.check(); err != nil {
		return nil, err
	}
	files := []BoardFile{
		{v.base(), "trust.html", htmlType, []byte(v.boardPage())},
		{v.base() + "/" + profileFile, profileFile, profileType, b.Profile},
	}
	for _, r := range v.roots() {
		files = append(files, BoardFile{v.base() + "/" + r.crtFile(), r.crtFile(), crtType, r.cert.Raw})
	}
	return files, nil
}

// view is that of every visitor: a board doesn't look at what a browser claims to
// be. Of the server it has only what the pages are made of.
func (b Board) view() (view, error) {
	languages, err := readLanguages(texts)
	if err != nil {
		return view{}, err
	}
	server := &Server{config: Config{Offer: Offer{Roots: b.Roots, Profile: b.Profile}}, languages: languages, token: boardToken}
	return view{Server: server, language: languages[0], board: b.Name}, nil
}

// boardPlatforms are those whose steps need no other files: Linux takes PEM.
var boardPlatforms = [...]Platform{IPhone, Android, Samsung, Windows, Mac}

// boardPage has the steps for all platforms; the style shows those that the reader
// chose, without a script.
func (v *view) boardPage() safe {
	return v.head("which.title") + "<main>\n" + v.title("which.title", "which.lead") + v.boardDevices() + each(v.roots(), v.fingerprint) +
		each(boardPlatforms[:], v.boardGuide) + "</main>\n<aside>" + v.about() + "</aside>\n" +
		"<footer><p>" + v.say("dated") + "</p><p>" + v.say("board.foot") + "</p></footer>\n" + end
}

func (v *view) boardDevices() safe {
	return `<nav aria-label="` + v.plain("devices.label") + "\">\n" + each(boardPlatforms[:], func(p Platform) safe {
		return link("#"+p.path(), escape(p.title())) + "\n"
	}) + "</nav>"
}

// title is what the board's page calls a platform.
func (p Platform) title() string {
	if p == IPhone {
		return string(IPhone) + ", " + string(IPad)
	}
	return string(p)
}

func (v view) boardGuide(p Platform) safe {
	v.device = p
	id := escape(p.path())
	return `<section class="guide" id="` + id + `" aria-labelledby="` + id + `-title"><h2 id="` + id + `-title">` + escape(p.title()) + "</h2>\n" +
		when(p == IPhone, hint(v.say("board.safari"))) +
		`<ol class="steps" role="list">` + each(v.guide().Steps, v.step) + "</ol>\n" +
		card("", id+"-undo", v.say("undo"), each(v.roots(), v.undo)) + "</section>\n"
}
