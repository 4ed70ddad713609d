//go:build go1.27

package cache

import (
	sqldriver "database/sql/driver"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// scanning is a small row that scans its columns itself.
type scanning struct{ userRow }

func (s *scanning) NextRow() error { return s.Next(make([]sqldriver.Value, 3)) }

func (s *scanning) ScanColumn(sqldriver.ScanContext, int, any) error { return nil }

// typed has types of its columns, too.
type typed struct{ scanning }

func (typed) ColumnTypeDatabaseTypeName(int) string { return "type" }

// knowing knows types, or does not.
type knowing bool

func (k knowing) Knows(sqldriver.Conn, string) bool { return bool(k) }

func (knowing) Scans(any) bool { return false }

func (knowing) Scan(sqldriver.Conn, string, sqldriver.Value, any) error { return nil }

// TestRowsThatScan: a result of rows that scan their columns is stored if it can be
// scanned again, and then scans again. Otherwise the caller has the driver's rows.
func TestRowsThatScan(t *testing.T) {
	for name, tt := range map[string]struct {
		columns dialects.ColumnScanner
		rows    sqldriver.Rows
		stored  bool
	}{
		"no dialect does it": {nil, &typed{}, false},
		"a type is unknown":  {knowing(false), &typed{}, false},
		"there are no types": {knowing(true), &scanning{}, false},
		"all is known":       {knowing(true), &typed{}, true},
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
			rows, err := call.Rows(t.Context(), tt.rows)
			if err != nil {
				t.Fatal(err)
			}
			if !driver.ScansColumns(rows) {
				t.Error("the first rows do not scan")
			}
			if same := rows == tt.rows; same == tt.stored {
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
