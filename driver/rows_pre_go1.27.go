//go:build !go1.27

package driver

import (
	"context"
	sqldriver "database/sql/driver"
)

func withScanner(r *observedRows) sqldriver.Rows { return r }

// ScansColumns reports whether rows scan their columns themselves, so that a
// destination may be given more than a [sqldriver.Value]. Before Go 1.27 rows
// cannot, and it is always false.
func ScansColumns(sqldriver.Rows) bool { return false }

// ScanRows returns rows with the values of inner that scan their columns as those
// of the driver would, if they are the answer of a [Session] or of a [Call] to a
// statement of a wrapped connection. What the driver scans by itself needs that
// connection, which is dialled if it was not. Before Go 1.27 they are inner.
func ScanRows(inner sqldriver.Rows, _ ColumnScanner) sqldriver.Rows { return inner }

// bind tells rows of ScanRows which connection they are read on.
func bind(context.Context, *conn, sqldriver.Rows) {}
