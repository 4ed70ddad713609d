//go:build !go1.27

package driver

import sqldriver "database/sql/driver"

func withScanner(r *observedRows) sqldriver.Rows { return r }

// ScansColumns reports whether rows scan their columns themselves, so that a
// destination may be given more than a [sqldriver.Value]. Before Go 1.27 rows
// cannot, and it is always false.
func ScansColumns(sqldriver.Rows) bool { return false }
