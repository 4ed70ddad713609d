//go:build !go1.27

package cache

import (
	sqldriver "database/sql/driver"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/internal/rowset"
)

// scanRows is not called: no rows scan their columns.
func scanRows(rows sqldriver.Rows, _ rowset.Numbered, _ dialects.ColumnScanner) sqldriver.Rows {
	return rows
}
