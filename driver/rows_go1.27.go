//go:build go1.27

package driver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
)

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
	_ sqldriver.RowsColumnScanner              = (*scannedRows)(nil)
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

// ScanRows returns rows with the values of inner that scan their columns as those
// of the driver would, if they are the answer of a [Session] or of a [Call] to a
// statement of a wrapped connection. What the driver scans by itself needs that
// connection, which is dialled if it was not. Before Go 1.27 they are inner.
func ScanRows(inner sqldriver.Rows, by ColumnScanner) sqldriver.Rows {
	return &scannedRows{observedRows: observedRows{inner: inner}, by: by}
}

// scannedRows scan what Next of their inner rows gives.
type scannedRows struct {
	observedRows
	by   ColumnScanner
	conn *conn           // nil until bound
	ctx  context.Context //nolint:containedctx // that of the query, which database/sql ends the rows with
	row  []sqldriver.Value
	few  [4]sqldriver.Value
}

// bind tells rows of ScanRows which connection they are read on.
func bind(ctx context.Context, c *conn, rows sqldriver.Rows) {
	if r, ok := rows.(*scannedRows); ok {
		r.ctx, r.conn = ctx, c
	}
}

// NextRow reads the next row.
func (r *scannedRows) NextRow() error {
	if r.row == nil {
		if n := len(r.inner.Columns()); n <= len(r.few) {
			r.row = r.few[:n]
		} else {
			r.row = make([]sqldriver.Value, n)
		}
	}
	err := r.Next(r.row)
	if err != nil {
		r.row = nil // the next result may have other columns
	}
	return err
}

var errUnbound = errors.New("livesql: the rows belong to no connection")

// ScanColumn scans a column of the row.
func (r *scannedRows) ScanColumn(scanCtx sqldriver.ScanContext, index int, dest any) error {
	if !r.by.Scans(dest) {
		return sql.ConvertAssign(scanCtx, dest, r.row[index])
	}
	if r.conn == nil {
		return errUnbound
	}
	inner, err := r.conn.dial(r.ctx)
	if err != nil {
		return err
	}
	columnType := ""
	if t, ok := r.inner.(sqldriver.RowsColumnTypeDatabaseTypeName); ok {
		columnType = t.ColumnTypeDatabaseTypeName(index)
	}
	return r.by.Scan(inner, columnType, r.row[index], dest)
}
