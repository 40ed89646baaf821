// Package verifiers holds the tests that show what real verifiers make of
// picoca's certificates: which they accept, and what they refuse of those that
// a stolen root key could sign. The certificates are made in the test's own
// process, and each acceptance is paired with a rejection.
package verifiers
