package demo

import (
	"context"
	"fmt"

	"github.com/vantage-go/live/cache"
)

// transactions shows that a transaction sees the database, and nobody else
// sees the transaction before its commit.
func (s *show) transactions(ctx context.Context) error {
	s.scene("3  Transactions")
	rounds := s.effort.transactions
	var inside, outside, rolledBack, committed int
	before := s.live.CacheStats()
	for round := range rounds {
		f, err := s.transaction(ctx, fmt.Sprint("in a transaction ", round))
		if err != nil {
			return err
		}
		inside, outside = inside+f.inside, outside+f.outside
		rolledBack, committed = rolledBack+f.rolledBack, committed+f.committed
	}
	after := s.live.CacheStats()
	s.claim(inside == 2*rounds, "a read inside a transaction sees its own write", of(inside, 2*rounds))
	s.claim(outside == 2*rounds, "a read beside it does not", of(outside, 2*rounds))
	s.claim(rolledBack == rounds, "after ROLLBACK the old answer stands", of(rolledBack, rounds))
	s.claim(committed == rounds, "after COMMIT the new answer stands at once", of(committed, rounds))
	bypassed := int(after.Bypassed[cache.InTransaction] - before.Bypassed[cache.InTransaction])
	s.claim(bypassed == 2*rounds, "reads inside went to the database", of(bypassed, 2*rounds))
	return nil
}

// transactionFigures counts the right answers around a transaction that was
// rolled back and one that was committed.
type transactionFigures struct {
	inside, outside, rolledBack, committed int
}

func (s *show) transaction(ctx context.Context, value string) (f transactionFigures, err error) {
	old, err := answer(ctx, s.live, sampleRead)
	if err != nil {
		return f, err
	}
	for _, commit := range []bool{false, true} {
		tx, err := s.live.BeginTx(ctx, nil)
		if err != nil {
			return f, err
		}
		err = func() error {
			defer func() { _ = tx.Rollback() }() // after Commit it does nothing
			if _, err := tx.ExecContext(ctx, sampleUpdate, value); err != nil {
				return err
			}
			inside, err := answer(ctx, tx, sampleRead)
			if err != nil {
				return err
			}
			outside, err := answer(ctx, s.live, sampleRead)
			if err != nil {
				return err
			}
			f.inside += one(inside == value)
			f.outside += one(outside == old)
			if commit {
				return tx.Commit()
			}
			return tx.Rollback()
		}()
		if err != nil {
			return f, err
		}
		now, err := answer(ctx, s.live, sampleRead)
		if err != nil {
			return f, err
		}
		if commit {
			f.committed += one(now == value)
		} else {
			f.rolledBack += one(now == old)
		}
	}
	return f, nil
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
