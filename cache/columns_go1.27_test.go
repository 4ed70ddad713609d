//go:build go1.27

package cache

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
	"github.com/vantage-go/live/listen"
)

// scanning is a small row that scans its columns itself.
type scanning struct{ userRow }

func (s *scanning) NextRow() error { return s.Next(make([]sqldriver.Value, 3)) }

func (s *scanning) ScanColumn(sqldriver.ScanContext, int, any) error { return nil }

// columnar knows the numbers of types, or does not, and scans some destinations, of
// which it tells what it was given.
type columnar struct{ numbers []uint32 }

// scannedBy is a destination that the driver scans.
type scannedBy struct {
	number uint32
	value  sqldriver.Value
	conn   sqldriver.Conn
}

var errNothing = errors.New("nothing to scan into")

func (c columnar) Types(_ sqldriver.Conn, _ sqldriver.Rows, numbers []uint32) bool {
	return copy(numbers, c.numbers) > 0
}

func (columnar) Scans(dest any) (bool, error) {
	if dest == nil {
		return false, errNothing
	}
	_, ok := dest.(*scannedBy)
	return ok, nil
}

func (columnar) Scan(conn sqldriver.Conn, number uint32, v sqldriver.Value, dest any) error {
	*dest.(*scannedBy) = scannedBy{number, v, conn}
	return nil
}

// TestRowsThatScan: a result of rows that scan their columns is stored if it can be
// scanned again, and then scans again. Otherwise the caller has the driver's rows.
func TestRowsThatScan(t *testing.T) {
	for name, tt := range map[string]struct {
		columns dialects.ColumnScanner
		stored  bool
	}{
		"no dialect does it": {nil, false},
		"a type is unknown":  {columnar{}, false},
		"all is known":       {columnar{[]uint32{20, 25, 16}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := New(pinning{}, nil, Config{Lease: time.Hour, Columns: tt.columns})
			if err != nil {
				t.Fatal(err)
			}
			c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
			conn := c.Open()
			if err := conn.Dialed(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			stmt := conn.Classify("SELECT id, name, active FROM t WHERE id = ?")
			_, call, err := conn.Query(t.Context(), stmt, values(int64(1)), driver.Direct)
			if err != nil || call == nil {
				t.Fatal("no fill", err)
			}
			inner := &scanning{}
			rows, err := call.Rows(t.Context(), inner)
			if err != nil {
				t.Fatal(err)
			}
			if !driver.ScansColumns(rows) {
				t.Error("the first rows do not scan")
			}
			if same := rows == sqldriver.Rows(inner); same == tt.stored {
				t.Errorf("the driver's own rows: %t", same)
			}
			if stores := c.Stats().Stores; (stores == 1) != tt.stored {
				t.Errorf("%d were stored", stores)
			}
			again, _, err := conn.Query(t.Context(), stmt, values(int64(1)), driver.Direct)
			if err != nil {
				t.Fatal(err)
			}
			if (again != nil) != tt.stored || again != nil && !driver.ScansColumns(again) {
				t.Errorf("the answer from memory is a %T", again)
			}
		})
	}
}

// panicking is a dialect that breaks down when it is asked.
type panicking struct{ columnar }

func (panicking) Types(sqldriver.Conn, sqldriver.Rows, []uint32) bool { panic("types") }

// TestScanPanicEndsFill: who reads the same waits for nobody whose fill has broken down.
func TestScanPanicEndsFill(t *testing.T) {
	c, err := New(pinning{}, nil, Config{Lease: time.Hour, Columns: panicking{}})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		conn := c.Open()
		if err := conn.Dialed(ctx, nil); err != nil {
			t.Fatal(err)
		}
		_, call, err := conn.Query(ctx, conn.Classify("SELECT id, name, active FROM t WHERE id = ?"), values(int64(1)), driver.Direct)
		if err != nil || call == nil {
			t.Fatal("no fill", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic has not arrived")
				}
			}()
			_, _ = call.Rows(ctx, &scanning{})
		}()
	}
}

// TestScanByNumber: rows scan by the numbers that were told when they were filled, be they
// the first, or from memory. What nobody can scan into needs no connection.
func TestScanByNumber(t *testing.T) {
	c, err := New(pinning{}, nil, Config{
		Lease: time.Hour, Columns: columnar{[]uint32{20, 25, 16}}, Takes: func(any) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	conn := &oneConn{}
	db := sql.OpenDB(driver.Wrap(conn, c))
	defer db.Close()
	db.SetMaxOpenConns(1)
	read := func(dest any) error {
		rows, err := db.QueryContext(t.Context(), "SELECT id, name, active FROM t WHERE id = ?", 7)
		if err != nil {
			return err
		}
		defer rows.Close()
		rows.Next()
		var id int64
		var active bool
		if err := rows.Scan(&id, dest, &active); err != nil {
			return err
		}
		if id != 7 || active {
			t.Errorf("id %d, active %t", id, active)
		}
		return rows.Close()
	}
	for _, from := range []string{"the database", "memory", "memory again"} {
		var got scannedBy
		if err := read(&got); err != nil || got.number != 25 || got.value != "user 00000000007" || got.conn != sqldriver.Conn(conn) {
			t.Errorf("from %s: %+v, %v", from, got, err)
		}
	}
	if s := c.Stats(); s.Stores != 1 || s.Hits != 2 {
		t.Errorf("%d stores, %d hits", s.Stores, s.Hits)
	}
	// A pool with nothing but shells.
	db = sql.OpenDB(driver.Wrap(conn, c))
	defer db.Close()
	dials := conn.dials
	if err := read(nil); !errors.Is(err, errNothing) {
		t.Errorf("scanned into nothing: %v", err)
	}
	if conn.dials != dials {
		t.Error("dialled for nothing")
	}
	if err := read(new(scannedBy)); err != nil || conn.dials != dials+1 {
		t.Errorf("dialled %d times, %v", conn.dials-dials, err)
	}
}

// oneConn is a connector of a connection that answers any query with a row that scans its
// columns.
type oneConn struct {
	sqldriver.Conn
	dials int
}

func (o *oneConn) Connect(context.Context) (sqldriver.Conn, error) {
	o.dials++
	return o, nil
}

func (o *oneConn) Driver() sqldriver.Driver { return nil }
func (o *oneConn) Close() error             { return nil }

func (o *oneConn) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return &scanning{userRow{id: 7}}, nil
}

// TestScanFurtherResults: of a result that was not recorded nobody knows the types.
func TestScanFurtherResults(t *testing.T) {
	_, set, err := rowset.Record(&userRow{}, rowset.Budget{Bytes: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	rows := scanRows(set.Rows(), set.Rows().(rowset.Numbered), columnar{}).(*scannedRows)
	if err := rows.NextRow(); err != nil {
		t.Fatal(err)
	}
	if err := rows.ScanColumn(sqldriver.ScanContext{}, 0, new(scannedBy)); !errors.Is(err, errNoType) {
		t.Errorf("scanned a column without a type: %v", err)
	}
}
