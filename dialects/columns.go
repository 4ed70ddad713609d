package dialects

import sqldriver "database/sql/driver"

// ColumnScanner does what the rows of a driver do that scan their columns
// themselves, as they may since Go 1.27, with values that were read from such rows
// before. It is used concurrently, but not with the same connection.
type ColumnScanner interface {
	// Types fills numbers with what the database calls the types of the columns of
	// rows, which were read on conn and have as many: the same on all
	// connections, whatever a connection knows about a type, and never 0. A number may
	// also say how the values came, which only Scan takes apart. It is called
	// before the first row is read. It is false where one cannot be told, or Scan
	// could not take the values, and for rows that may have more than one result.
	Types(conn sqldriver.Conn, rows sqldriver.Rows, numbers []uint32) bool

	// Scans reports whether the driver's rows scan into dest by themselves. Into
	// all others database/sql converts the [sqldriver.Value]. The error is that of
	// the driver for what nobody can scan into.
	Scans(dest any) (bool, error)

	// Scan scans v, the value of a column whose type has that number, into a
	// destination of which Scans is true, as rows of conn would, with what conn knows
	// about the type. It does nothing else with conn, and does not keep v for
	// longer than dest may keep memory of the driver.
	Scan(conn sqldriver.Conn, number uint32, v sqldriver.Value, dest any) error
}
