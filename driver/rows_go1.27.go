//go:build go1.27

package driver

import sqldriver "database/sql/driver"

var (
	_ sqldriver.Rows                           = (*scannerRows)(nil)
	_ sqldriver.RowsNextResultSet              = (*scannerRows)(nil)
	_ sqldriver.RowsColumnTypeScanType         = (*scannerRows)(nil)
	_ sqldriver.RowsColumnTypeDatabaseTypeName = (*scannerRows)(nil)
	_ sqldriver.RowsColumnTypeLength           = (*scannerRows)(nil)
	_ sqldriver.RowsColumnTypeNullable         = (*scannerRows)(nil)
	_ sqldriver.RowsColumnTypePrecisionScale   = (*scannerRows)(nil)
	_ sqldriver.RowsColumnScanner              = (*scannerRows)(nil)
	_ observed                                 = (*scannerRows)(nil)
)

// scannerRows are observed rows that scan their own columns. database/sql
// calls NextRow instead of Next when it sees the interface, so only rows whose
// inner rows have it may have it.
type scannerRows struct {
	*observedRows
	scanner sqldriver.RowsColumnScanner
}

func withScanner(r *observedRows) sqldriver.Rows {
	if s, ok := r.inner.(sqldriver.RowsColumnScanner); ok {
		return &scannerRows{observedRows: r, scanner: s}
	}
	return r
}

// NextRow reads the next row.
func (r *scannerRows) NextRow() error { return r.note(r.scanner.NextRow()) }

// ScanColumn scans a column of the row. Its error concerns the destination,
// not the statement.
func (r *scannerRows) ScanColumn(scanCtx sqldriver.ScanContext, index int, dest any) error {
	return r.scanner.ScanColumn(scanCtx, index, dest)
}

// ScansColumns reports whether rows scan their columns themselves, so that a
// destination may be given more than a [sqldriver.Value]. Before Go 1.27 rows
// cannot, and it is always false.
func ScansColumns(rows sqldriver.Rows) bool {
	_, ok := rows.(sqldriver.RowsColumnScanner)
	return ok
}
