package sqlstore

import (
	"fmt"
	"testing"

	driver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
)

// TestHungUp: what a server says when it ends a connection, and what it says of a
// statement.
func TestHungUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, severity string
		want           bool
	}{
		{"57P01", "FATAL", true},
		{"57P02", "WARNING", true},
		{"57P05", "FATAL", true}, // idle for too long
		{"25P03", "FATAL", true},
		{"08P01", "FATAL", true}, // a pooler whose server has gone
		{"08P01", "ERROR", false},
		{"XX000", "PANIC", true},
		{"XX000", "ERROR", false},
		{"23505", "ERROR", false},
		{"28P01", "FATAL", false}, // nobody was let in
		{"3D000", "FATAL", false},
		{"53300", "FATAL", false},
		{"57P03", "FATAL", false},
	} {
		for _, err := range []error{
			&pgconn.PgError{Code: c.code, Severity: "in another language", SeverityUnlocalized: c.severity},
			&pgconn.PgError{Code: c.code, Severity: c.severity},
			&pq.Error{Code: pqerror.Code(c.code), Severity: c.severity},
		} {
			if got := lost(fmt.Errorf("wrapped: %w", err)); got != c.want {
				t.Errorf("%T %s %s: %t", err, c.severity, c.code, got)
			}
		}
	}
	for number, want := range map[uint16]bool{1053: true, 1927: true, 1062: false, 1213: false} {
		if got := lost(fmt.Errorf("wrapped: %w", &driver.MySQLError{Number: number})); got != want {
			t.Errorf("MySQL %d: %t", number, got)
		}
	}
}
