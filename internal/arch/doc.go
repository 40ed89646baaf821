// Package arch holds the tests of what no single package can promise: who may
// import whom, that the clock is read in one place, that nothing is kept in
// package variables, and that the boards' files fit the rest.
package arch
