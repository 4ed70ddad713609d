// Package sampledata loads the Northwind sample database into SQLite, PostgreSQL
// and MySQL or MariaDB, for the demo, the examples and the tests.
//
// There is one neutral source: tab-separated files with the rows (data, with
// their licence) and a description of the tables, from which the statements for
// each engine are made. Keys, foreign keys (one of them with ON DELETE CASCADE),
// checks, indexes and a view are the same everywhere.
//
// It knows database/sql only, no driver and nothing of livesql: what it is given
// may be a plain pool or one that livesql has wrapped.
package sampledata
