// Package postgres opens PostgreSQL with github.com/lib/pq, under the names
// "postgres" and livesql-postgres. Package pgx below it does the same with
// pgx's stdlib.
//
// This version passes everything through to the database: the change feed is
// not there yet, and DB.Explain says so.
package postgres
