module github.com/picoca/picoca

go 1.26

require (
	github.com/mdp/qrterminal/v3 v3.2.1
	rsc.io/qr v0.2.0
)

require (
	golang.org/x/sys v0.29.0 // indirect
	golang.org/x/term v0.13.0 // indirect
)
