package cache

import (
	sqldriver "database/sql/driver"
	"slices"

	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/internal/rowset"
)

// Since Go 1.27 rows may scan their columns themselves, and give a destination
// more than a driver.Value. What is kept of them are their values all the same:
// the driver's way into a destination is taken again when they are played back,
// on the connection that they are read on.

// recordable reports whether a result may be recorded, and played back as it is:
// scans says whether its rows scan their columns, and then numbers are those of the
// types, which are good until the next call.
func (s *session) recordable(rows sqldriver.Rows) (numbers []uint32, scans, ok bool) {
	switch scans = driver.ScansColumns(rows); {
	case !s.mayFill():
		return nil, scans, false
	case !scans:
		return nil, false, true
	}
	by := s.cache.config.Columns
	if by == nil {
		return nil, true, false
	}
	n := len(rows.Columns())
	s.types = slices.Grow(s.types[:0], n)[:n]
	if !by.Types(s.inner, rows, s.types) {
		return nil, true, false
	}
	s.cache.scans.Store(true)
	return s.types, true, true
}

// played returns rows that were recorded, and scan as those that they were recorded
// from. What is not kept of them is live.
func (s *session) played(rows sqldriver.Rows, scans, live bool) sqldriver.Rows {
	played := rows
	if live {
		played = s.passed(rows)
	}
	if types, ok := rows.(rowset.Numbered); ok && scans {
		return scanRows(played, types, s.cache.config.Columns)
	}
	return played
}

// replay returns the rows of an entry. All that the cache has were recorded from
// rows of the same driver.
func (s *session) replay(e *entry) sqldriver.Rows {
	return s.played(e.rows(), s.cache.scans.Load(), false)
}
