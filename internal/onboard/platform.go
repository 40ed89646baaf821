package onboard

import (
	"slices"
	"strings"
)

// Platform is a kind of device, as a reader would call it. The zero value is
// one that was not recognised.
type Platform string

// The platforms that the page has steps for.
const (
	IPhone  Platform = "iPhone"
	IPad    Platform = "iPad"
	Android Platform = "Android"
	Mac     Platform = "Mac"
	Windows Platform = "Windows"
	Linux   Platform = "Linux"
)

// claim is a word in a user agent and the platform that it gives away.
type claim struct {
	Platform
	mark string
}

// platforms are all of them in the order of the page's list. Android says
// "Linux" as well, so it stands first. An iPad says "Macintosh" unless its reader
// asked for mobile pages: the Mac's page points to the iPad's where nothing else
// gives it away.
var platforms = []claim{
	{IPhone, "iPhone"},
	{IPad, "iPad"},
	{Android, "Android"},
	{Windows, "Windows NT"},
	{Mac, "Macintosh"},
	{Linux, "Linux"},
	{Linux, "CrOS"},
}

// path is the last element of the platform's own address.
func (p Platform) path() string { return strings.ToLower(string(p)) }

// file is what the platform's button downloads. A Mac reads profiles too, but
// Apple documents trust by Keychain Access (support.apple.com/guide/keychain-access,
// "Change the trust settings of a certificate") and is silent on whether the root of
// a profile installed by hand is trusted at once; what it says of that
// (support.apple.com/102390) is for iOS, iPadOS and visionOS. Those who hand out
// such profiles for Macs rely on it (github.com/willswire/dod.mobileconfig). Then
// the comparison would come too late; with a certificate it comes first.
func (p Platform) file() string {
	switch p {
	case IPhone, IPad:
		return profileFile
	case Linux:
		return pemFile
	}
	return certificateFile
}

func platformOf(userAgent string) Platform {
	for _, p := range platforms {
		if strings.Contains(userAgent, p.mark) {
			if p.Platform == Mac && containsAny(userAgent, iosMarks) {
				return IPad
			}
			return p.Platform
		}
	}
	return ""
}

// handheld tells the devices that take a profile from some browsers alone.
func (p Platform) handheld() bool { return p == IPhone || p == IPad }

// iosMarks name browsers that exist on iOS alone. Those on an iPad say that they
// are on a Mac, too.
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

// wantsAnother tells that a page for p asks its reader to open it in another
// browser: this one runs on such a device, or may do so, and cannot install. Who
// looks at the steps for another device is let alone.
func wantsAnother(p Platform, userAgent string) bool {
	here := p == platformOf(userAgent) || p.handheld() && strings.Contains(userAgent, iosEngine)
	return here && cannotInstall(p, userAgent)
}

// cannotInstall tells that the browser would download the file without being
// able to hand it to the system. On iOS only Safari, Chrome and Brave (which
// calls itself Safari) hand over a profile; on Android the page inside an app
// ("; wv") often cannot download at all.
func cannotInstall(p Platform, userAgent string) bool {
	switch p {
	case IPhone, IPad:
		if strings.Contains(userAgent, "CriOS/") {
			return false
		}
		return containsAny(userAgent, foreignMarks) ||
			!strings.Contains(userAgent, "Version/") || !strings.Contains(userAgent, "Safari/")
	case Android:
		return strings.Contains(userAgent, "; wv)")
	}
	return false
}
