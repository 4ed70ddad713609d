// Package postgres makes PostgreSQL databases live, with github.com/lib/pq
// under the names "postgres" and livesql-postgres. Package pgx below it does
// the same with pgx's stdlib.
//
//	Dialect ─ Backend ─→ internal/feed: log, cursor, bell, capture, for both drivers
//	        └ Connector → lib/pq             │
//	                      internal/libpq ←───┘ how the feed dials and listens
package postgres
