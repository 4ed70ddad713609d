package conformlocks

import (
	"context"
	"database/sql"

	"github.com/vantage-go/live/dialects"
)

// Server is what differs between the databases.
type Server struct {
	Name   string
	Flavor dialects.Flavor
	// Locks is a query for the tables that its own transaction has locked: their
	// schemas and names, and whether in a mode that writing takes.
	Locks string
	// LockingReads says that reads FOR UPDATE lock in such a mode, too: then
	// a read that is not kept may.
	LockingReads bool
}

// observation is what a statement locked: each table, and whether in a mode that
// writing takes.
type observation struct {
	text  string
	locks map[dialects.Table]bool
}

// beginner is a pool or a session.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// observe runs a statement in a transaction that is rolled back. What the server
// refuses has no observation.
func (s *Server) observe(ctx context.Context, db beginner, text string) (_ *observation, err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // it may have ended itself
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, s.Locks)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err tells
	o := &observation{text, make(map[dialects.Table]bool)}
	for rows.Next() {
		var t dialects.Table
		var writes bool
		if err := rows.Scan(&t.Schema, &t.Name, &writes); err != nil {
			return nil, err
		}
		o.locks[t] = writes
	}
	return o, rows.Err()
}
