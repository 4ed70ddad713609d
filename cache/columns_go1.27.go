//go:build go1.27

package cache

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
)

var (
	_ sqldriver.RowsColumnScanner = (*scannedRows)(nil)
	_ driver.Lined                = (*scannedRows)(nil)
)

// errNoType is of a result that comes after the first.
var errNoType = errors.New("livesql: the type of the column is not known")

// scannedRows scan what Next of rows that were recorded gives, as the driver's own
// would.
type scannedRows struct {
	completeRows
	types rowset.Numbered
	by    dialects.ColumnScanner
	line  driver.Line
	row   []sqldriver.Value
	few   [4]sqldriver.Value
}

// completeRows have whatever database/sql may ask rows for, but for that.
type completeRows interface {
	sqldriver.RowsNextResultSet
	sqldriver.RowsColumnTypeScanType
	sqldriver.RowsColumnTypeDatabaseTypeName
	sqldriver.RowsColumnTypeLength
	sqldriver.RowsColumnTypeNullable
	sqldriver.RowsColumnTypePrecisionScale
}

func scanRows(rows sqldriver.Rows, types rowset.Numbered, by dialects.ColumnScanner) sqldriver.Rows {
	complete, ok := rows.(completeRows)
	if !ok {
		return rows // none of ours
	}
	return &scannedRows{completeRows: complete, types: types, by: by}
}

// SetLine implements [driver.Lined].
func (r *scannedRows) SetLine(l driver.Line) { r.line = l }

// NextRow reads the next row.
func (r *scannedRows) NextRow() error {
	if r.row == nil {
		if n := len(r.Columns()); n <= len(r.few) {
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

// ScanColumn scans a column of the row. What the driver scans by itself needs the
// connection, which is dialled if it was not.
func (r *scannedRows) ScanColumn(scanCtx sqldriver.ScanContext, index int, dest any) error {
	natively, err := r.by.Scans(dest)
	if err != nil {
		return err
	}
	if !natively {
		return sql.ConvertAssign(scanCtx, dest, r.row[index])
	}
	number := r.types.ColumnTypeNumber(index)
	if number == 0 {
		return errNoType
	}
	inner, err := r.line.Inner()
	if err != nil {
		return err
	}
	return r.by.Scan(inner, number, r.row[index], dest)
}
