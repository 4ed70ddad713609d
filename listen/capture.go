package listen

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/vantage-go/live/dialects"
)

// Capturer is a dialect that can put the capture of changes into a database,
// inspect it and take it out again. The *sql.DB is the inner driver's own, not
// a live handle. Methods may be called concurrently, also by several
// processes.
type Capturer interface {
	dialects.Dialect

	// Install creates the log and the triggers of the chosen tables. What is
	// there already is left alone, what is out of date is replaced. It returns
	// the tables that it changed, also together with an error: the tables are
	// done one by one where the database cannot do better.
	Install(ctx context.Context, db *sql.DB, options InstallOptions) ([]dialects.Table, error)

	// Uninstall removes the triggers of the chosen tables, or of all of them
	// and everything else that Install created.
	Uninstall(ctx context.Context, db *sql.DB, options UninstallOptions) error

	// Coverage tells what is installed, and how every table is covered.
	Coverage(ctx context.Context, db *sql.DB) (*Coverage, error)

	// Diagnose looks at everything that the feed depends on.
	Diagnose(ctx context.Context, db *sql.DB) ([]Finding, error)
}

// InstallOptions choose what Install does.
type InstallOptions struct {
	// Tables are the tables to capture, as "name" or "schema.name"; all when
	// there is none. One that cannot be captured is a [*TableError].
	Tables []string
	// Later notes in the database that handles are to capture tables that are
	// created later, when their user may.
	Later bool
	// Bell is how commits are announced, where the database can announce
	// them; empty leaves it as it is.
	Bell Bell
	// LockTimeout bounds each wait for the lock on a table: whoever writes to
	// it waits behind. 2 s when zero. A table whose lock was not to be had is
	// tried again until Patience is over, a minute when zero.
	LockTimeout, Patience time.Duration
	// Print, if not nil, is given every statement instead of the database. It
	// is called in order, without concurrency.
	Print func(statement string)
}

// UninstallOptions choose what Uninstall does. The fields are those of
// [InstallOptions].
type UninstallOptions struct {
	Tables                []string
	LockTimeout, Patience time.Duration
	Print                 func(statement string)
}

// The defaults of installations.
const (
	DefaultLockTimeout = 2 * time.Second
	DefaultPatience    = time.Minute
)

// Bell is how a database announces commits to the feeds.
type Bell string

// The bells.
const (
	// BellGated: transactions ring that write while a reader sleeps, and of those
	// that began at the same time one; the others are found by the polls that
	// follow. Nobody rings for readers that poll all the time, as they do while
	// much happens.
	BellGated Bell = "gated"
	// BellEvery: every transaction rings, as long as somebody reads. Commits wait
	// for each other.
	BellEvery Bell = "every"
	// BellApp: the processes that write through livesql ring after they have
	// committed, out of their transactions. Others are found by polling.
	BellApp Bell = "app"
	// BellPoll: nobody rings.
	BellPoll Bell = "poll"
)

// Coverage tells what is installed in a database.
type Coverage struct {
	// Installed reports that there is a log; Version is its layout, and
	// Current the layout that this program would install.
	Installed        bool
	Version, Current int
	// Forbidden says what the account may not do, so that of the log nothing
	// is known but that it is there.
	Forbidden string
	// Later and Bell are those of [InstallOptions].
	Later bool
	Bell  Bell
	// Rows is how many rows the log has, roughly; Oldest is when the oldest
	// was written, zero if that is not known.
	Rows   int64
	Oldest time.Time
	// Tables are all that could be captured, in order of their names.
	Tables []TableCoverage
}

// TableCoverage tells how one table is covered.
type TableCoverage struct {
	Table   dialects.Table
	Covered bool
	// Why says why the table is not covered.
	Why string
	// Key lists the columns whose values the log holds for a changed row. When
	// there is none, a change marks the whole table, and Whole says why.
	Key   []string
	Whole string
}

// Findings tells what of the coverage is worth telling, in the words of
// Diagnose.
func (c *Coverage) Findings() []Finding {
	switch {
	case !c.Installed:
		return []Finding{{Problem, "livesql is not installed in this database: nothing is cached.", "Run \"livesql install\", or open the handle with AutoInstall."}}
	case c.Version > c.Current:
		return []Finding{{Problem, fmt.Sprintf("The change log has layout %d, which this program does not know: nothing is cached.", c.Version), "Upgrade the programs that use livesql."}}
	case c.Version < c.Current:
		return []Finding{{Problem, fmt.Sprintf("The change log has layout %d, this program needs %d: nothing is cached.", c.Version, c.Current), "Run \"livesql install\"."}}
	}
	findings := []Finding{{Grade: Fine, What: fmt.Sprintf("The change log is installed, with about %d rows.", c.Rows)}}
	covered := 0
	for _, t := range c.Tables {
		if !t.Covered {
			findings = append(findings, Finding{Warning, fmt.Sprintf("Table %v is not covered: %s.", t.Table, t.Why), "Run \"livesql install\" if it should be; reads of it go to the database."})
			continue
		}
		covered++
		if len(t.Key) == 0 {
			findings = append(findings, Finding{Note, fmt.Sprintf("Each change of table %v voids all that is cached of it: %s.", t.Table, t.Whole), ""})
		}
	}
	return append(findings, Finding{Grade: Fine, What: fmt.Sprintf("%d of %d tables are covered.", covered, len(c.Tables))})
}

// TableError is returned for a table that cannot be captured.
type TableError struct {
	Table string
	Why   string
}

func (e *TableError) Error() string {
	return "listen: table " + e.Table + " cannot be captured: " + e.Why
}

// Grade tells how bad a finding is.
type Grade uint8

// The grades.
const (
	Fine    Grade = iota // as it should be
	Note                 // worth knowing
	Warning              // something works worse than it could
	Problem              // something does not work
)

func (g Grade) String() string {
	return [...]string{"fine", "note", "warning", "problem"}[min(g, Problem)]
}

// Finding is one thing that Diagnose looked at.
type Finding struct {
	Grade Grade
	// What was found, in a sentence.
	What string
	// Do says what to do about it, if anything.
	Do string
}
