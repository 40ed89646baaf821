package cli

import (
	"github.com/picoca/picoca/internal/export"
	"github.com/picoca/picoca/internal/pki"
)

// argCompleters are for the arguments of each command, "" for the program itself.
// TestEveryCommandCompletes wants a row for each.
var argCompleters = map[string]completer{
	"":                nothing, // its commands are completed by cobra
	"backup":          first(files),
	"check":           first(devices),
	"completion":      first(words(shells...)),
	"delegate":        first(programs),
	"devices":         first(deviceIDs),
	"doctor":          nothing,
	"example":         first(devices),
	"export":          first(holders, "ca\tthe root certificate"), // cobra adds crl and expiry
	"export crl":      nothing,
	"export expiry":   nothing,
	"fit":             first(holders),
	"help":            commands,
	"identity":        nothing, // a new name
	"init":            nothing,
	"issue":           nothing, // new names
	"list":            nothing,
	"phone":           nothing,
	"push":            first(holders),
	"renew":           first(holders),
	"restore":         first(files),
	"revoke":          first(holders),
	"root":            nothing, // its commands are completed by cobra
	"root list":       nothing,
	"root passphrase": nothing,
	"root retire":     first(roots),
	"root rotate":     nothing,
	"root status":     nothing,
	"show":            first(holders, "ca\tthe CA itself"),
	"trust":           first(words("install", "remove", "status")),
}

// flagCompleters are for the values of flags, by name: a flag means the same in
// every command. TestEveryFlagCompletes wants a row for each.
var flagCompleters = map[string]completer{
	"address":                nothing,
	"backup-passphrase-file": files,
	"board-clock":            deviceIDs,
	"ca":                     nothing, // a new name
	"contact":                nothing,
	"crl-days":               nothing,
	"csr":                    files,
	"days":                   nothing,
	"device":                 devices,
	"for":                    targets,
	"fingerprint":            words("sha256", "sha1", "spki"),
	"format":                 formats,
	"from":                   files,
	"from-crl":               files,
	"from-spare":             files,
	"new-passphrase-file":    files,
	"spare":                  files,
	"spare-passphrase-file":  files,
	"home":                   folders,
	"host":                   nothing,
	"identity":               identities,
	"interface":              nothing,
	"key":                    keyTypes,
	"key-in":                 words("agent\tthe only key in the SSH agent"),
	"limit":                  nothing,
	"mqtt":                   devices,
	"name":                   nothing,
	"only":                   words(".local"),
	"out":                    files,
	"p12-passphrase-file":    files,
	"p12-profile":            words(string(export.LegacyDES)+"\tfor phones", string(export.Modern2023)+"\tfor computers"),
	"passphrase-file":        files,
	"permit":                 nothing,
	"png":                    files,
	"port":                   nothing,
	"radius-domain":          nothing,
	"reason":                 reasons,
	"root":                   roots,
	"search":                 nothing,
	"sheet":                  files,
	"sign":                   holders,
	"store":                  words("system", "chromium", "firefox", "java", "all"),
	"to":                     files,
	"updates":                nothing,
	"web-clip":               devices,
	"web-password-file":      files,
	"wifi":                   nothing,
	"within":                 words("7d", "30d", "8w"),
}

// ownFlagCompleters are for flags that one command means differently.
var ownFlagCompleters = map[string]completer{
	"export crl --format":    words(pki.CRLPEM, pki.CRLDER),
	"export expiry --format": words(pki.ExpiryCalendar+"\ta calendar", pki.ExpiryMetrics+"\tmetrics"),
}
