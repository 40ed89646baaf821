package onboard

import (
	"slices"
	"strings"
)

// Platform is a kind of device, as a reader would call it. The zero value is
// one that was not recognised.
type Platform string

// The platforms that the page has steps for. Samsung's Android has menus of its
// own.
const (
	IPhone  Platform = "iPhone"
	IPad    Platform = "iPad"
	Android Platform = "Android"
	Samsung Platform = "Samsung"
	Mac     Platform = "Mac"
	Windows Platform = "Windows"
	Linux   Platform = "Linux"
)

// claim is a platform and a word in the user agent of its browsers.
type claim struct {
	Platform
	mark string
}

// platforms are all of them in the order of the page's list.
var platforms = []claim{
	{IPhone, "iPhone"},
	{IPad, "iPad"},
	{Android, "Android"},
	{Samsung, ""}, // see samsungMarks
	{Windows, "Windows NT"},
	{Mac, "Macintosh"},
	{Linux, "Linux"},
	{Linux, "CrOS"},
}

// path is the last element of the platform's own address.
func (p Platform) path() string { return strings.ToLower(string(p)) }

// platformOf returns the platform that a user agent claims. An iPad says
// "Macintosh" unless its reader asked for mobile pages: the Mac's page points to
// the iPad's where nothing else gives it away.
func platformOf(userAgent string) Platform {
	i := slices.IndexFunc(platforms, func(p claim) bool { return p.mark != "" && strings.Contains(userAgent, p.mark) })
	switch {
	case i < 0:
		return ""
	case platforms[i].Platform == Mac && containsAny(userAgent, iosMarks):
		return IPad
	case platforms[i].Platform == Android && containsAny(userAgent, samsungMarks):
		return Samsung
	}
	return platforms[i].Platform
}

// samsungMarks stand beside "Android" in the user agents of Samsung's devices:
// their own browser, and the model numbers, which Chrome leaves out.
var samsungMarks = []string{"SamsungBrowser/", "; SM-"}

// claimsToBe reports whether browsers on p may pass for another platform.
func (p Platform) claimsToBe(other Platform) bool {
	return p == IPad && other == Mac || p == Samsung && other == Android
}

// handheld reports whether p is one of the devices on which only some browsers
// can install a profile.
func (p Platform) handheld() bool { return p == IPhone || p == IPad }

// apple reports whether p can install a profile.
func (p Platform) apple() bool { return p.handheld() || p == Mac }

// iosMarks name browsers that exist only on iOS. Those on an iPad, too, say that
// they are on a Mac.
var iosMarks = []string{"FxiOS", "CriOS", "EdgiOS", "OPiOS", "OPT/", "OPX/", "Focus/", "GSA/"}

// foreignMarks name the browsers on iOS that call themselves Safari too, and
// the apps that show pages inside themselves.
var foreignMarks = []string{
	"FxiOS", "Focus/", "EdgiOS", "OPiOS", "OPT/", "OPX/", "DuckDuckGo", "Ddg/", "GSA/", "YaBrowser",
	"FBAN", "FBAV", "Instagram", "Line/", "MicroMessenger", "Snapchat", "Pinterest", "LinkedInApp", "Twitter",
}

func containsAny(text string, marks []string) bool {
	return slices.ContainsFunc(marks, func(mark string) bool { return strings.Contains(text, mark) })
}

// iosEngine is in the user agent of every browser on iOS: it never changes there.
// Chrome and Firefox on a Mac have other engines, so neither is an iPad in disguise.
const iosEngine = "AppleWebKit/605."

// needsOtherBrowser reports whether a page for p asks its reader to open it in
// another browser: this one runs on such a device, or may do so, and cannot
// install. A reader who only looks at another device's steps is not asked.
func needsOtherBrowser(p Platform, userAgent string) bool {
	here := p == platformOf(userAgent) || p.handheld() && strings.Contains(userAgent, iosEngine)
	return here && cannotInstall(p, userAgent)
}

// cannotInstall reports whether the browser would download the file without
// being able to hand it to the system. On iOS only Safari, Chrome and Brave
// (which calls itself Safari) hand over a profile; on Android a page inside an
// app ("; wv") often cannot download at all.
func cannotInstall(p Platform, userAgent string) bool {
	switch p {
	case IPhone, IPad:
		if strings.Contains(userAgent, "CriOS/") {
			return false
		}
		return containsAny(userAgent, foreignMarks) ||
			!strings.Contains(userAgent, "Version/") || !strings.Contains(userAgent, "Safari/")
	case Android, Samsung:
		return strings.Contains(userAgent, "; wv)")
	}
	return false
}
