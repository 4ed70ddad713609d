// Package corpus holds what livesql understands of statements against exact
// parsers, over the test suites of the databases. It has tests only.
//
//	make corpus
package corpus
