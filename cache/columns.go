package cache

import sqldriver "database/sql/driver"

// Since Go 1.27 rows may scan their columns themselves, and give a destination
// more than a driver.Value. What is kept of them are their values all the same:
// the driver's way into a destination is taken again when they are played back,
// on the connection that they are read on.

// scans reports whether results with the columns of rows that scan them can be
// played back.
func (s *session) scans(rows sqldriver.Rows) bool {
	by := s.cache.config.Columns
	typed, ok := rows.(sqldriver.RowsColumnTypeDatabaseTypeName)
	if by == nil || !ok {
		return false
	}
	for i := range rows.Columns() {
		if !by.Knows(s.inner, typed.ColumnTypeDatabaseTypeName(i)) {
			return false
		}
	}
	s.cache.scans.Store(true)
	return true
}

// scanned returns rows that were recorded, and scan as those that they were
// recorded from.
func (s *session) scanned(rows sqldriver.Rows, scans bool) sqldriver.Rows {
	if scans {
		return scanRows(rows, s.cache.config.Columns)
	}
	return rows
}

// replay returns the rows of an entry. All that the cache has were recorded from
// rows of the same driver.
func (s *session) replay(e *entry) sqldriver.Rows {
	return s.scanned(e.rows(), s.cache.scans.Load())
}
