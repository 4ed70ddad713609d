package livesql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/vantage-go/live/driver"
)

// Raw calls f with the inner driver's connection behind conn, dialling it if
// necessary, like (*sql.Conn).Raw on a plain *sql.DB. What f did is not known:
// everything cached is forgotten before f runs and after it, and reads on this
// connection go to the database from then on. F must not keep inner.
//
// On a conn that livesql did not open, Raw is (*sql.Conn).Raw.
func Raw(ctx context.Context, conn *sql.Conn, f func(inner sqldriver.Conn) error) error {
	return conn.Raw(func(dc any) error {
		if w, ok := dc.(driver.RawConn); ok {
			return w.Raw(ctx, f)
		}
		inner, ok := dc.(sqldriver.Conn)
		if !ok {
			return errors.New("livesql: not a driver connection")
		}
		return f(inner)
	})
}
