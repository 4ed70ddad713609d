// Package inject is what the external suites link: it wraps the connectors
// that a suite gives to database/sql, as the environment tells.
//
// package suites copies this folder next to the suite (and into database/sql,
// for its own tests), so it imports the standard library and the wrapper only,
// and never database/sql. A mode that needs more registers itself with
// [Register] from a package of its own, such as those in the folders below.
//
// The modes here are "raw" (no wrapper), "pass" (the wrapper without hooks),
// "eager" (the same, dialling at once as a driver does) and "observed" (hooks that classify every statement, take part in every call
// of the seam and wrap all rows, but change nothing). The observed mode also
// checks that the wrapper keeps the contract of driver.Session and counts what
// it sees, for the proof that the wrapper was really in.
package inject
