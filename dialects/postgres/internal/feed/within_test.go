package feed

import (
	"database/sql"
	"testing"

	"github.com/vantage-go/live/listen"
)

// within reads the log in a transaction of the program's.
func (f *follower) within(db *sql.DB) listen.Delta {
	f.t.Helper()
	tx, err := db.BeginTx(f.t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	delta, err := f.backend.DeltaIn(f.t.Context(), tx, f.cursor)
	if err != nil {
		f.t.Fatal(err)
	}
	return delta
}

// TestWithinKnowsNoNewPartition: rows are written to a partition that is not in
// the schema of the cursor. They are rows of the partitioned table.
func TestWithinKnowsNoNewPartition(t *testing.T) {
	t.Parallel()
	d := captured(t)
	db := d.DB()
	fixtureExec(t, db, "CREATE TABLE year (id int PRIMARY KEY) PARTITION BY RANGE (id)", "CREATE TABLE first PARTITION OF year FOR VALUES FROM (0) TO (10)")
	fixtureInstall(t, db)
	f := follow(t, d.SocketDSN())
	fixtureExec(t, db, "INSERT INTO first VALUES (1)")
	f.expect(f.within(db), "", "I first 1", "I year 1")
	f.poll()
	fixtureExec(t, db, "CREATE TABLE second PARTITION OF year FOR VALUES FROM (10) TO (20)")
	fixtureInstall(t, db)
	fixtureExec(t, db, "INSERT INTO second VALUES (11)")
	f.expect(f.within(db), "a table has been created")
	f.poll()
	fixtureExec(t, db, "INSERT INTO second VALUES (12)")
	f.expect(f.within(db), "", "I second 12", "I year 12")
}
