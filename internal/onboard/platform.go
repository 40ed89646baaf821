package onboard

import "strings"

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

// platforms are all of them in the order of the page's list. Android says "Linux" as well, so it stands
// first. An iPad says "Macintosh" unless its reader asked for mobile pages: the
// Mac's page points to the iPad's.
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

// file is what the platform's button downloads.
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
			return p.Platform
		}
	}
	return ""
}

// foreignMarks name the browsers on iOS that call themselves Safari too, and
// the apps that show pages inside themselves.
var foreignMarks = []string{
	"FxiOS", "Focus/", "EdgiOS", "OPiOS", "OPT/", "OPX/", "DuckDuckGo", "Ddg/", "GSA/", "YaBrowser",
	"FBAN", "FBAV", "Instagram", "Line/", "MicroMessenger", "Snapchat", "Pinterest", "LinkedInApp", "Twitter",
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
		for _, mark := range foreignMarks {
			if strings.Contains(userAgent, mark) {
				return true
			}
		}
		return !strings.Contains(userAgent, "Version/") || !strings.Contains(userAgent, "Safari/")
	case Android:
		return strings.Contains(userAgent, "; wv)")
	}
	return false
}
