package cache

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"slices"

	"github.com/vantage-go/live/dialects"
)

// transaction is what is known of the transaction of one connection, from the
// calls of database/sql and from the texts of statements. It errs towards
// open: then reads go to the database.
type transaction struct {
	state txState
	// savepoints counts the savepoints of a transaction that one of them
	// began. A RELEASE takes at least one off, so the count reaches zero no
	// sooner than the transaction ends.
	savepoints int
	// manual: autocommit is off, so that the end of a transaction begins the
	// next one.
	manual bool
	// erred: a statement in it has failed, which may have rolled it back (SQLite: OR
	// ROLLBACK). What is written then is committed by itself.
	erred bool
	// unseen: none is open, unless code that nobody knows has begun it and written
	// anything.
	unseen bool
	// pending collects what the transaction may have changed.
	pending effects
}

type txState uint8

const (
	none txState = iota
	byAPI
	byText
	bySavepoint
	// doubtful: a statement that should have ended it failed, or one of
	// several statements did, or it may end it and need not, or nobody knows
	// what it does.
	doubtful
)

func (t *transaction) open() bool { return t.state != none }

// holds reports whether nothing of what was written is committed before the
// transaction ends. In doubt it is not. Where a savepoint seems to have begun it,
// neither: in MySQL one begins nothing, and in SQLite a RELEASE of the outermost
// ends it, however many stand within.
func (t *transaction) holds() bool { return t.state == byAPI || t.state == byText }

func (t *transaction) begin(how txState) {
	t.state = how
	t.savepoints, t.erred, t.unseen = 0, false, false
}

// end closes the transaction and returns what it may have changed.
func (t *transaction) end() effects {
	e := t.pending
	*t = transaction{manual: t.manual}
	if t.manual {
		t.begin(byText)
	}
	return e
}

// doubt notes that the transaction may be open or not. What it may have
// changed is kept: it may still be committed.
func (t *transaction) doubt() { t.state = doubtful }

// executed takes in a statement that was sent with args. It returns what may be
// committed with it: what it may have changed, and what was written before in the
// same transaction.
func (s *session) executed(st *statement, args []sqldriver.NamedValue, err error) effects {
	a, c := st.analysis, s.cache
	version := c.backend.Version()
	s.moved = s.moved || a.Scan.Moves
	s.resettled = s.resettled || a.Scan.Moves || a.Scan.Settings
	// On a session with objects of its own, or elsewhere, names may not mean what
	// the analysis took them for.
	cautious := s.ownNames()
	s.tx.pending.add(st, args, version, cautious)
	committed := s.tx.pending
	if a.Scan.Taint != "" && s.taint == "" {
		s.taint = a.Scan.Taint
	}
	if a.Scan.Spelling && c.config.Prepares && s.taint == "" && (s.spoke || s.tx.open() || a.Scan.Statements > 1) {
		s.taint = "what texts mean, of which the driver has prepared some"
	}
	if a.Scan.Settings || a.WritesAll {
		// Within a transaction, its end may change them once more; nobody asks
		// before.
		s.located, s.changed = false, true
		s.strange = s.strange || a.WritesAll
		if c.prober == nil && a.Scan.Settings && s.taint == "" {
			s.taint = "settings that nobody can ask for"
		}
	}
	if a.Scan.Kind == dialects.Unclear && a.Scan.Taint != "" {
		// Code that nobody knows may have ended the transaction, too, or begun one.
		if s.tx.unseen = !s.tx.open(); !s.tx.unseen {
			s.tx.doubt()
		}
	}
	switch {
	case err != nil && len(a.Scan.Effects) > 0:
		// It may have begun a transaction, ended one, or neither.
		s.tx.failed(a, err)
		c.invalidate(s.tx.pending)
		if !s.tx.open() {
			s.tx.end()
		}
	case len(a.Scan.Effects) > 0:
		for _, effect := range a.Scan.Effects {
			s.apply(effect)
		}
		several := a.Scan.Statements > 1
		if several {
			// Its writes may stand before, between and behind what ends
			// transactions: some may be committed already, others belong to the one
			// that is open now, and none need have been rolled back.
			s.tx.pending.add(st, args, version, cautious)
		}
		s.settle(several)
	default:
		s.tx.erred = s.tx.erred || err != nil && s.tx.open()
		s.settle(s.tx.erred && a.Changes())
	}
	return committed
}

// settle makes pending effects known, unless a transaction holds all of them back.
func (s *session) settle(some bool) {
	if s.tx.holds() && !some {
		return
	}
	if s.tx.pending.empty() {
		return
	}
	s.cache.invalidate(s.tx.pending)
	if !s.tx.open() {
		s.tx.pending = effects{}
	}
}

// failed notes that a text with transaction statements failed. One that was
// interrupted may have been executed all the same.
func (t *transaction) failed(a *dialects.Analysis, err error) {
	interrupted := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	onlyBegins := a.Scan.Statements == 1 && len(a.Scan.Effects) == 1 &&
		(a.Scan.Effects[0] == dialects.Begins || a.Scan.Effects[0] == dialects.Saves || a.Scan.Effects[0] == dialects.Releases)
	if onlyBegins && t.state == none && !interrupted {
		return // it did not begin
	}
	t.manual = t.manual || slices.Contains(a.Scan.Effects, dialects.AutocommitOff)
	t.doubt()
}

// apply follows one effect of a text on the transaction.
func (s *session) apply(effect dialects.Effect) {
	t := &s.tx
	switch effect {
	case dialects.NoEffect:
	case dialects.Begins:
		// MySQL commits what was open, be it unseen; the others refuse.
		if t.unseen {
			s.cache.invalidate(effects{all: true})
		}
		if t.open() {
			s.cache.invalidate(t.pending)
		}
		t.begin(byText)
	case dialects.Commits:
		if t.unseen {
			t.pending.all = true
		}
		s.cache.invalidate(t.end())
	case dialects.MayCommit:
		if t.open() {
			t.doubt()
		}
	case dialects.CommitsAndBegins:
		s.cache.invalidate(t.end())
		t.begin(byText)
	case dialects.RollsBack:
		s.rolledBack()
	case dialects.RollsBackAndBegins:
		s.rolledBack()
		t.begin(byText)
	case dialects.Prepares:
		// It may be committed from elsewhere, now or much later; then only
		// the feed tells.
		s.cache.invalidate(t.end())
	case dialects.Saves:
		if !t.open() {
			t.begin(bySavepoint)
		}
		t.savepoints++
	case dialects.Releases:
		t.savepoints--
		if t.state == bySavepoint && t.savepoints <= 0 {
			s.cache.invalidate(t.end())
		}
	case dialects.AutocommitOff:
		t.manual = true
		if !t.open() {
			t.begin(byText)
		}
	case dialects.AutocommitOn:
		if !t.manual && t.open() {
			// It does nothing where autocommit was on, as far as is known.
			t.doubt()
			break
		}
		t.manual = false
		s.cache.invalidate(t.end())
	}
}

// rolledBack ends a transaction without effects. What doubt there was about an
// earlier end goes with it.
func (s *session) rolledBack() {
	if s.tx.state == doubtful {
		s.cache.invalidate(s.tx.end())
		return
	}
	s.tx.end()
}
