package onboard

import "testing"

func TestPlatformOfKnowsRealBrowsers(t *testing.T) {
	const (
		iosWebKit  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		padWebKit  = "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		macWebKit  = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:138.0) AppleWebKit/605.1.15 (KHTML, like Gecko) "
		droidShell = "Mozilla/5.0 (Linux; Android 15; Pixel 9 Build/AP4A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36"
	)
	tests := []struct {
		name      string
		userAgent string
		want      Platform
		other     bool
	}{
		{"Safari on iPhone", iPhoneSafari, IPhone, false},
		{"Chrome on iPhone", iosWebKit + "CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1", IPhone, false},
		{"Firefox on iPhone", iosWebKit + "FxiOS/145.0 Mobile/15E148 Safari/605.1.15", IPhone, true},
		{"Edge on iPhone", iosWebKit + "Version/18.0 EdgiOS/142.0.0.0 Mobile/15E148 Safari/604.1", IPhone, true},
		{"DuckDuckGo on iPhone", iosWebKit + "Version/18.5 Mobile/15E148 DuckDuckGo/7 Safari/605.1.15", IPhone, true},
		{"Google app on iPhone", iosWebKit + "GSA/390.0 Mobile/15E148 Safari/604.1", IPhone, true},
		{"Instagram on iPhone", iosWebKit + "Mobile/15E148 Instagram 400.0", IPhone, true},
		{"an app on iPhone", iosWebKit + "Mobile/15E148", IPhone, true},
		{"Safari on iPad, mobile", padWebKit + "Version/18.5 Mobile/15E148 Safari/604.1", IPad, false},
		{"Firefox on iPad", padWebKit + "FxiOS/145.0 Mobile/15E148 Safari/605.1.15", IPad, true},
		{"Safari on iPad, as it is delivered", macSafari, Mac, false},
		{"Firefox on iPad, as it is delivered", macWebKit + "FxiOS/138.0 Safari/605.1.15", IPad, true},
		{"Chrome on iPad, as a desktop", macWebKit + "CriOS/142 Version/18.5 Safari/605.1.15", IPad, false},
		{"Edge on iPad, as a desktop", macWebKit + "EdgiOS/142.0.0.0 Version/18.5 Safari/605.1.15", IPad, true},
		{"Chrome on Mac", macChrome, Mac, false},
		{"Firefox on Mac", macFirefox, Mac, false},
		{"Chrome on Android", androidChrome, Android, false},
		{"Samsung Internet", samsungInternet, Samsung, false},
		{"Chrome on a Samsung, as a whole", "Mozilla/5.0 (Linux; Android 14; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36", Samsung, false},
		{"an app on a Samsung", "Mozilla/5.0 (Linux; Android 14; SM-S921B Build/UP1A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0.0.0 Mobile Safari/537.36", Samsung, true},
		{"Firefox on Android", "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", Android, false},
		{"an app on Android", droidShell, Android, true},
		{"Edge on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", Windows, false},
		{"Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", Linux, false},
		{"Chrome OS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", Linux, false},
		{"curl", "curl/8.14.1", "", false},
		{"nothing", "", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := platformOf(test.userAgent)
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if other := cannotInstall(got, test.userAgent); other != test.other {
				t.Errorf("cannot install: got %t, want %t", other, test.other)
			}
		})
	}
}

const (
	samsungInternet = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
	macChrome       = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
	macFirefox      = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0"
)

// The browser decides, whichever of Apple's handhelds is picked. A computer
// whose reader only looks is not asked.
func TestAPickedIPhoneAsksForSafariWhereItIsNeeded(t *testing.T) {
	const (
		padFirefox  = "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15"
		deskFirefox = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:138.0) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/138.0 Safari/605.1.15"
		padApp      = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
	)
	for _, test := range []struct {
		device    Platform
		userAgent string
		want      bool
	}{
		{IPad, deskFirefox, true},
		{IPhone, deskFirefox, true},
		{IPhone, padFirefox, true},
		{IPad, padApp, true},
		{IPad, macSafari, false},
		{IPad, macChrome, false},
		{IPhone, macFirefox, false},
		{IPhone, androidChrome, false},
		{IPhone, "curl/8.14.1", false},
		{Mac, deskFirefox, false},
		{Linux, padFirefox, false},
	} {
		if got := needsOtherBrowser(test.device, test.userAgent); got != test.want {
			t.Errorf("%s, %s: got %t, want %t", test.device, test.userAgent, got, test.want)
		}
	}
}

func TestEachPlatformGetsTheFileItCanRead(t *testing.T) {
	for platform, want := range map[Platform]string{
		IPhone: "picoca-root.mobileconfig", IPad: "picoca-root.mobileconfig",
		Android: "picoca-root.crt", Samsung: "picoca-root.crt", Mac: "picoca-root.crt", Windows: "picoca-root.crt",
		Linux: "picoca-root.pem",
	} {
		if got := (root{nil, 1}).file(platform); got != want {
			t.Errorf("%s: got %s, want %s", platform, got, want)
		}
	}
}
