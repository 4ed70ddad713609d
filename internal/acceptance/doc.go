// Package acceptance holds the scenarios that the project sets out from: those
// of the tests of vantage-live, by the names that they have there, and one for
// each bug that its successors have met, by its number.
//
//	scenario ─→ edit sessions, sets, live tables ─→ PostgreSQL, MariaDB, SQLite, or a mock of database/sql
//	    └─ what others do, and what must be stored ─→ a connection of another program
//
// Each scenario is one function, which runs on all of them. On the mock it says
// which statements it expects as it goes, and the mock what a database would
// have answered. What is no matter of edit sessions is listed with the test
// elsewhere that is about it.
//
// The package holds tests and nothing that programs use.
package acceptance
