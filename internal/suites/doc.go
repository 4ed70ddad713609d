// Package suites runs the test suites of other projects as conformance tests
// of the driver wrapper.
//
// The suites are those of database/sql itself, of the drivers livesql wraps
// and of two libraries that lean on every corner of database/sql. None of
// their files are kept here: they are copied from GOROOT and from the module
// cache when a run starts, into a directory that is removed when it ends.
//
//	copy of the suite ── + one test file that sets two hooks ─┐
//	database/sql/sql.go ── + OpenDB and Conn.Raw ask the hooks ┴→ go test -c -overlay
//	                                                                  │
//	             for each mode: run the test binary, collect outcomes ┘
//	             compare the sets of outcomes with those of mode "raw"
//
// The changed sql.go reaches the build through the go command's -overlay, so
// every way to a *sql.DB leads through [driver.Wrap] and no line of a suite has
// to know about it. Package inject holds the modes.
//
// In the modes with the cache on, the suites of the drivers would hardly ever be
// answered from memory: they read once, right after CREATE TABLE, when the change
// feed does not cover the table yet, and mostly no table at all. Package
// inject/cached therefore waits until the table is covered, puts a table that is
// not used before a SELECT without one, and asks each read that livesql would keep
// three times: the answer from memory is held against one of the database, with
// all that is told of columns, and then given to the suite. What livesql would not
// keep is sent once, as the suite sends it: all reads in transactions, of
// temporary tables, of functions that are not known to be pure.
//
// A suite is in order when every test has the same outcome in every mode. What
// the outcomes are does not matter here: a test that fails without the wrapper
// has to fail with it.
//
// The package starts private database servers, but never uses one that is
// already there.
//
// [driver.Wrap]: https://pkg.go.dev/github.com/vantage-go/live/driver#Wrap
package suites
