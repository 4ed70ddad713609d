package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/vantage-go/live/driver"
)

// idle is a complete driver that does nothing, so that what remains is the
// cost of database/sql and of the wrapper.
type idle struct{}

func (idle) Connect(context.Context) (sqldriver.Conn, error) { return idle{}, nil }
func (idle) Driver() sqldriver.Driver                        { return nil }

func (idle) Prepare(string) (sqldriver.Stmt, error) { return idleStmt{}, nil }

func (idle) PrepareContext(context.Context, string) (sqldriver.Stmt, error) { return idleStmt{}, nil }
func (idle) Close() error                                                   { return nil }
func (idle) Begin() (sqldriver.Tx, error)                                   { return idle{}, nil }

func (idle) BeginTx(context.Context, sqldriver.TxOptions) (sqldriver.Tx, error) { return idle{}, nil }
func (idle) Commit() error                                                      { return nil }
func (idle) Rollback() error                                                    { return nil }
func (idle) Ping(context.Context) error                                         { return nil }
func (idle) ResetSession(context.Context) error                                 { return nil }
func (idle) IsValid() bool                                                      { return true }
func (idle) CheckNamedValue(*sqldriver.NamedValue) error                        { return nil }

func (idle) ExecContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Result, error) {
	return sqldriver.ResultNoRows, nil
}

func (idle) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return &idleRows{}, nil
}

type idleStmt struct{}

func (idleStmt) Close() error                                     { return nil }
func (idleStmt) NumInput() int                                    { return -1 }
func (idleStmt) CheckNamedValue(*sqldriver.NamedValue) error      { return nil }
func (idleStmt) Exec([]sqldriver.Value) (sqldriver.Result, error) { return sqldriver.ResultNoRows, nil }
func (idleStmt) Query([]sqldriver.Value) (sqldriver.Rows, error)  { return &idleRows{}, nil }

func (idleStmt) ExecContext(context.Context, []sqldriver.NamedValue) (sqldriver.Result, error) {
	return sqldriver.ResultNoRows, nil
}

func (idleStmt) QueryContext(context.Context, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return &idleRows{}, nil
}

type idleRows struct{ read bool }

var idleColumns = []string{"n"}

func (*idleRows) Columns() []string { return idleColumns }
func (*idleRows) Close() error      { return nil }

func (r *idleRows) Next(dest []sqldriver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read = true
	dest[0] = int64(1)
	return nil
}

// bystander is a policy that knows every statement and leaves it alone.
type bystander struct{}

var idleMeaning = &struct{ string }{"not cacheable"}

func (b bystander) Open() driver.Session                       { return b }
func (bystander) Dialed(context.Context, sqldriver.Conn) error { return nil }
func (bystander) Takes(any) bool                               { return true }
func (bystander) Classify(string) driver.Statement             { return idleMeaning }
func (bystander) Begun(sqldriver.TxOptions)                    {}
func (bystander) Ended(driver.Outcome)                         {}
func (bystander) Raw()                                         {}
func (bystander) Released()                                    {}
func (bystander) Closed()                                      {}

func (bystander) Query(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
	return nil, nil, nil
}

func (bystander) Executed(context.Context, driver.Statement, []sqldriver.NamedValue, error) {}

// workload is one statement through database/sql, with two arguments.
type workload struct {
	name   string
	allocs float64 // what the wrapper may add; -1 if database/sql's own goroutines blur it
	run    func(db *sql.DB, st *sql.Stmt) error
}

var workloads = []workload{
	{"query", 0, func(db *sql.DB, _ *sql.Stmt) error {
		var n int64
		return db.QueryRowContext(context.Background(), "select", 1, "x").Scan(&n)
	}},
	{"exec", 0, func(db *sql.DB, _ *sql.Stmt) error {
		_, err := db.ExecContext(context.Background(), "update", 1, "x")
		return err
	}},
	{"stmt query", 0, func(_ *sql.DB, st *sql.Stmt) error {
		var n int64
		return st.QueryRowContext(context.Background(), 1, "x").Scan(&n)
	}},
	{"stmt exec", 0, func(_ *sql.DB, st *sql.Stmt) error {
		_, err := st.ExecContext(context.Background(), 1, "x")
		return err
	}},
	{"prepare", 1, func(db *sql.DB, _ *sql.Stmt) error {
		st, err := db.PrepareContext(context.Background(), "select")
		if err != nil {
			return err
		}
		return st.Close()
	}},
	{"transaction", -1, func(db *sql.DB, _ *sql.Stmt) error {
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			return err
		}
		return tx.Commit()
	}},
}

// pools are the same driver three times.
func pools(tb testing.TB) map[string]func(w workload) error {
	tb.Helper()
	all := map[string]func(w workload) error{}
	for name, c := range map[string]sqldriver.Connector{
		"raw":         idle{},
		"wrapped":     driver.Wrap(idle{}, nil),
		"with policy": driver.Wrap(idle{}, bystander{}),
	} {
		db := sql.OpenDB(c)
		db.SetMaxOpenConns(1)
		st, err := db.Prepare("select")
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { st.Close(); db.Close() })
		all[name] = func(w workload) error { return w.run(db, st) }
	}
	return all
}

var poolNames = []string{"raw", "wrapped", "with policy"}

// TestAllocations: a statement that the policy leaves alone costs no
// allocation, a wrapper object costs one.
func TestAllocations(t *testing.T) {
	all := pools(t)
	for _, w := range workloads {
		if w.allocs < 0 {
			continue
		}
		count := func(pool string) float64 {
			return testing.AllocsPerRun(200, func() {
				if err := all[pool](w); err != nil {
					t.Fatal(err)
				}
			})
		}
		raw := count("raw")
		for _, pool := range poolNames[1:] {
			if got := count(pool); got > raw+w.allocs {
				t.Errorf("%s, %s: %v allocations, raw %v", w.name, pool, got, raw)
			}
		}
	}
}

func TestTransactionAllocations(t *testing.T) {
	cn, err := driver.Wrap(idle{}, bystander{}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cn.Close()
	got := testing.AllocsPerRun(200, func() {
		tx, err := cn.(sqldriver.ConnBeginTx).BeginTx(t.Context(), sqldriver.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	})
	if got > 1 {
		t.Errorf("%v allocations", got)
	}
}

// BenchmarkPassThrough runs each workload on a raw driver and on the same one
// behind the wrapper.
func BenchmarkPassThrough(b *testing.B) {
	all := pools(b)
	for _, w := range workloads {
		for _, pool := range poolNames {
			b.Run(w.name+"/"+pool, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := all[pool](w); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkAdded prints what the wrapper adds to a statement. Batches on the
// raw and on the wrapped driver alternate, so that a noisy machine slows both;
// the figures are medians over the batches.
func BenchmarkAdded(b *testing.B) {
	all := pools(b)
	const batch = 100
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			took := map[string][]float64{}
			for b.Loop() {
				for _, pool := range poolNames {
					start := time.Now()
					for range batch {
						if err := all[pool](w); err != nil {
							b.Fatal(err)
						}
					}
					took[pool] = append(took[pool], float64(time.Since(start))/batch)
				}
			}
			median := func(pool string) float64 {
				slices.Sort(took[pool])
				return took[pool][len(took[pool])/2]
			}
			b.ReportMetric(0, "ns/op") // of three pools together: says nothing
			b.ReportMetric(median("raw"), "raw-ns")
			b.ReportMetric(median("wrapped")-median("raw"), "added-ns")
			b.ReportMetric(median("with policy")-median("raw"), "added-with-policy-ns")
		})
	}
}
