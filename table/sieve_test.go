package table

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"sync/atomic"
	"testing"

	"github.com/vantage-go/live/dialects"
)

// unsettled is an analyzer whose catalogue changes whenever somebody looks.
type unsettled struct {
	dialects.Analyzer
	version atomic.Uint64
}

func (u *unsettled) Version() uint64 { return u.version.Add(1) }

// nothing is a database in which there is nothing.
type nothing struct{}

func (nothing) Connect(context.Context) (driver.Conn, error) { return nothing{}, nil }
func (nothing) Driver() driver.Driver                        { return nil }
func (nothing) Prepare(string) (driver.Stmt, error)          { return nothing{}, nil }

func (nothing) Begin() (driver.Tx, error) { return nothing{}, nil }

func (nothing) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) { return nothing{}, nil }
func (nothing) NumInput() int                                                { return -1 }
func (nothing) Exec([]driver.Value) (driver.Result, error)                   { return driver.ResultNoRows, nil }

func (nothing) Query([]driver.Value) (driver.Rows, error) { return nothing{}, nil }

func (nothing) Columns() []string         { return make([]string, 3) }
func (nothing) Next([]driver.Value) error { return io.EOF }
func (nothing) Commit() error             { return nil }
func (nothing) Rollback() error           { return nil }
func (nothing) Close() error              { return nil }

// TestLookingWhileItReads: a query that is opened looks at the catalogue while the
// sieve reads for others. It is the race detector that sees what is wrong.
func TestLookingWhileItReads(t *testing.T) {
	t.Parallel()
	pool := sql.OpenDB(nothing{})
	defer func() { _ = pool.Close() }()
	s := &sieve{db: &Database{DB: pool, Analyzer: &unsettled{}, Flavor: dialects.Postgres}, table: dialects.Table{Schema: "public", Name: "item"}}
	s.mesh.init()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 500 {
			if err := s.look(soon(t)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 500 {
		r, err := s.reading(soon(t))
		if err != nil {
			t.Error(err)
			break
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	<-done
}
