package dialects

import sqldriver "database/sql/driver"

// ColumnScanner does what the rows of a driver do that scan their columns
// themselves, as they may since Go 1.27, with values that were read from such rows
// before.
type ColumnScanner interface {
	// Knows reports whether Scan can take the values of a column whose
	// DatabaseTypeName on conn, a connection of the driver, is columnType.
	Knows(conn sqldriver.Conn, columnType string) bool

	// Scans reports whether the driver's rows scan into dest by themselves. Into
	// all others database/sql converts the [sqldriver.Value].
	Scans(dest any) bool

	// Scan scans v, the value of a column of that type, into a destination of
	// which Scans is true, as rows of conn would. It does not keep v for longer than
	// dest may keep memory of the driver.
	Scan(conn sqldriver.Conn, columnType string, v sqldriver.Value, dest any) error
}
