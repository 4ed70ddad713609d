package conform

import (
	"sync"
	"time"
)

// written is what one committed transaction has changed.
type written struct {
	// sent is the time before COMMIT was sent, acked the time after it was
	// acknowledged.
	sent, acked time.Time
	rows        []rowID
	// created are those of rows that were never there before: nobody may tell
	// of them sooner.
	created map[rowID]bool
	// counted are changes of that many rows of a table, whose keys the writer
	// does not know.
	counted map[string]int
	// voids: what it changed is only seen by polls that look at the capture.
	voids bool
}

// ledger is what all writers have done.
type ledger struct {
	ledgerMu   sync.Mutex
	commits    []written
	rolledBack int
	aborted    int
	unknown    int
	firstError error
	// never are rows that were not committed and must not be told.
	never map[rowID]bool
	// voided reports that an extra has run that allows resets and marks.
	voided bool
	// trace holds what was committed into the table of that name.
	trace []int64
}

// transactions counts all that have ended.
func (l *ledger) transactions() int {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	return len(l.commits) + l.rolledBack + l.aborted + l.unknown
}

// committed adds a transaction.
func (l *ledger) committed(w written, trace []int64) {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	l.commits = append(l.commits, w)
	l.trace = append(l.trace, trace...)
}

// discarded adds a transaction that was rolled back, by intent or because err
// ended it.
func (l *ledger) discarded(created map[rowID]bool, err error) {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	l.rolledBack++
	if err != nil {
		l.rolledBack--
		l.aborted++
		l.note(err)
	}
	l.forbid(created)
}

// undone adds what a savepoint has undone.
func (l *ledger) undone(created map[rowID]bool) {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	l.forbid(created)
}

// forbid notes rows that must not be told. The caller holds ledgerMu.
func (l *ledger) forbid(created map[rowID]bool) {
	if l.never == nil {
		l.never = make(map[rowID]bool)
	}
	for r := range created {
		l.never[r] = true
	}
}

// lost adds a transaction whose outcome is not known.
func (l *ledger) lost(err error) {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	l.unknown++
	l.note(err)
}

// void notes that an extra may cause resets and marks.
func (l *ledger) void() {
	l.ledgerMu.Lock()
	defer l.ledgerMu.Unlock()
	l.voided = true
}

func (l *ledger) note(err error) {
	if l.firstError == nil {
		l.firstError = err
	}
}
