package table

import (
	"fmt"
	"time"
)

// windowOptions are what the options of windows set.
type windowOptions struct {
	size, keep int
	calm       time.Duration
	totals     TotalKind
	collated   bool
}

// The defaults of windows.
const (
	defaultPage  = 100
	defaultPages = 20 // that are kept
	leastPages   = 3  // one that is visible, and one on either side
	defaultCalm  = 50 * time.Millisecond
)

// PageSize sets how many rows a [Window] reads at least when some are missing; 100
// if it is not set.
func PageSize(rows int) Option { return func(o *options) { o.window.size = rows } }

// KeepRows sets how many rows a [Window] has in memory at most: those farthest from
// the viewport are forgotten. It is 20 pages if it is not set, and 3 at least.
func KeepRows(rows int) Option { return func(o *options) { o.window.keep = rows } }

// Debounce sets for how long no [Window.SetViewport] may come before the rows of
// the last one are read, 50 ms if it is not set. While calls keep coming, they are
// read four times that after the first one.
func Debounce(d time.Duration) Option { return func(o *options) { o.window.calm = d } }

// Totals sets how a [Window] finds out how many rows there are: it counts them
// ([TotalExact]) if it is not set. Where the set is large that is slow, and it is done
// whenever the table has changed. [TotalEstimate] asks the database's planner
// instead; SQLite's does not know, there it counts. With [TotalAtLeast] nobody is
// asked: the total is that of the rows that were seen. Either way it becomes exact
// where the last row was seen.
func Totals(kind TotalKind) Option { return func(o *options) { o.window.totals = kind } }

// Collated makes a [Window] order texts as the columns' collations have it, and
// not by their bytes, as [OrderBy] says. It is for those columns whose indexes are
// in that order, since the database has to sort otherwise. Texts that are equal by
// their collation are in the order of their keys. (Where MySQL sorts, it looks at no
// more of a text than max_sort_length.)
func Collated() Option { return func(o *options) { o.window.collated = true } }

// check returns an error for what cannot be, and fills in what was left out.
func (o *windowOptions) check() error {
	for _, n := range []struct {
		name  string
		value int
	}{{"PageSize", o.size}, {"KeepRows", o.keep}} {
		if n.value < 0 {
			return &ConditionError{Text: fmt.Sprintf("%s(%d)", n.name, n.value), Why: "it must be positive"}
		}
	}
	if o.calm < 0 {
		return &ConditionError{Text: fmt.Sprintf("Debounce(%v)", o.calm), Why: "it must not be negative"}
	}
	if o.totals > TotalAtLeast {
		return &ConditionError{Text: fmt.Sprintf("Totals(%d)", o.totals), Why: "there is no such kind"}
	}
	if o.size == 0 {
		o.size = defaultPage
	}
	if o.keep == 0 {
		o.keep = defaultPages * o.size
	}
	if o.keep < leastPages*o.size {
		return &ConditionError{Text: fmt.Sprintf("KeepRows(%d)", o.keep), Why: fmt.Sprintf("%d pages of %d rows must have room", leastPages, o.size)}
	}
	return nil
}

// TotalKind tells how it is known how many rows there are.
type TotalKind uint8

// The kinds of totals.
const (
	// TotalExact: that many, at the moment of the version.
	TotalExact TotalKind = iota
	// TotalEstimate: about that many, the database says.
	TotalEstimate
	// TotalAtLeast: that many or more.
	TotalAtLeast
)

func (k TotalKind) String() string {
	switch k {
	case TotalExact:
		return "exact"
	case TotalEstimate:
		return "estimate"
	case TotalAtLeast:
		return "at least"
	}
	return "unknown"
}

// LoadState tells how much of a set a [Window] has.
type LoadState uint8

// The load states.
const (
	// LoadPending: nothing was read yet, the total neither.
	LoadPending LoadState = iota
	// LoadPartial: not all rows are there.
	LoadPartial
	// LoadComplete: all rows are there.
	LoadComplete
)

func (s LoadState) String() string {
	switch s {
	case LoadPending:
		return "loading"
	case LoadPartial:
		return "partial"
	case LoadComplete:
		return "complete"
	}
	return "unknown"
}
