package cache

import (
	sqldriver "database/sql/driver"
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
	// several statements did.
	doubtful
)

func (t *transaction) open() bool { return t.state != none }

func (t *transaction) begin(how txState) {
	t.state = how
	t.savepoints = 0
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

// executed takes in a statement that was sent with args.
func (s *session) executed(st *statement, args []sqldriver.NamedValue, err error) {
	a, c := st.analysis, s.cache
	version := c.backend.Version()
	s.moved = s.moved || a.Scan.Moves
	// On a session with objects of its own, or elsewhere, names may not mean what
	// the analysis took them for.
	s.tx.pending.add(st, args, version, s.ownNames())
	if a.Scan.Taint != "" && s.taint == "" {
		s.taint = a.Scan.Taint
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
	switch {
	case err != nil && len(a.Scan.Effects) > 0:
		// It may have begun a transaction, ended one, or neither.
		s.tx.failed(a)
		c.invalidate(s.tx.pending)
		if !s.tx.open() {
			s.tx.end()
		}
	case len(a.Scan.Effects) > 0:
		for _, effect := range a.Scan.Effects {
			s.apply(effect)
		}
		s.settle()
	default:
		s.settle()
	}
}

// settle makes pending effects known when no transaction holds them back.
func (s *session) settle() {
	if s.tx.open() && s.tx.state != doubtful {
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

// failed notes that a text with transaction statements failed.
func (t *transaction) failed(a *dialects.Analysis) {
	onlyBegins := a.Scan.Statements == 1 && len(a.Scan.Effects) == 1 &&
		(a.Scan.Effects[0] == dialects.Begins || a.Scan.Effects[0] == dialects.Saves || a.Scan.Effects[0] == dialects.Releases)
	if onlyBegins && t.state == none {
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
		// MySQL commits what was open; the others refuse.
		if t.open() {
			s.cache.invalidate(t.pending)
		}
		t.begin(byText)
	case dialects.Commits:
		s.cache.invalidate(t.end())
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
