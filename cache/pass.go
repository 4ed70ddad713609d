package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/vantage-go/live/driver"
)

// passCall counts the open results of its session, and hears of what fails in a
// transaction.
type passCall session

var _ driver.Call = (*passCall)(nil)

// Rows counts inner until it is closed.
func (p *passCall) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	return (*session)(p).passed(inner), nil
}

// Failed notes that the transaction may have been rolled back. A skipped statement was not
// sent.
func (p *passCall) Failed(err error) {
	if p.tx.open() && !errors.Is(err, sqldriver.ErrSkip) {
		p.tx.erred = true
	}
}

// passed returns rows that are live, counted where that matters.
func (s *session) passed(rows sqldriver.Rows) sqldriver.Rows {
	if !s.cache.config.HoldsSnapshot {
		return rows
	}
	s.open++
	return driver.ObserveRows(rows, func(error) { s.open-- })
}
