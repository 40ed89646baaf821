// Package e2e holds the tests that prove picoca on the real thing: the boards'
// own TLS code, real browsers, curl, Java and the rest, with the built binary.
package e2e
