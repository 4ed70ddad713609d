package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// TestSelectLimit: a server whose sessions are shown so many rows and no more
// shows the feed all of them, and all that it reads within another transaction.
func TestSelectLimit(t *testing.T) {
	db := server.OwnMariaDB(t).Database(t)
	mustExec(t, db.DB(), "SET GLOBAL sql_select_limit = 20")
	for i := range 25 {
		mustExec(t, db.DB(), fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY)", i))
	}
	installAll(t, db.DB())
	f := follow(t, db.SocketDSN(), listen.InstallNever, noStamper)
	before := f.cursor
	for i := range 25 {
		mustExec(t, db.DB(), fmt.Sprintf("INSERT INTO t%d VALUES (7)", i))
	}
	if got := spell(f.poll()); len(got) != 25 {
		t.Errorf("of 25 changes, the poll tells %d", len(got))
	}
	program := programOn(t, db.DB())
	mustExec(t, program, "SET sql_select_limit = 20")
	tx, err := program.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // it only reads
	delta, err := f.backend.DeltaIn(context.Background(), tx, before)
	if err != nil {
		t.Fatal(err)
	}
	if got := spell(delta); len(got) != 25 || delta.Reset != "" {
		t.Errorf("of 25 changes, the log in a transaction tells %d; reset %q", len(got), delta.Reset)
	}
}

// TestSwappedNames: two columns that have changed names with each other are
// noticed. A CRC of the names alone is the same for these, in sum and exclusive or.
func TestSwappedNames(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY, x INT, low INT, net INT)", "INSERT INTO t VALUES (1, 2, 3, 4)")
	f := follow(t, db.SocketDSN(), listen.InstallNever)
	mustExec(t, db.DB(), "ALTER TABLE t CHANGE low net INT, CHANGE net low INT")
	if delta := f.look(); delta.Reset == "" && len(delta.Changes) == 0 {
		t.Error("nothing tells that two columns have changed places")
	}
}
