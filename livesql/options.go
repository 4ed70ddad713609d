package livesql

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/listen"
)

// Option configures a handle.
type Option func(*options) error

type options struct {
	lease       time.Duration
	bytes       int64
	resultBytes int64
	consistency Consistency
	denied      map[string]bool
	verify      int
	ttl         time.Duration
	install     listen.Install
	log         *slog.Logger
	eager       bool
	off         bool
	evict       bool
	stranger    bool // the connector is not one of the dialect's own driver
	feedDSN     string
	backend     listen.Backend
	feed        []listen.Option
	keeping     keeping
	counted     bool
}

// OptionError is returned for an option or DSN parameter with a value that
// makes no sense.
type OptionError struct {
	Option string
	Value  string
	Why    string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("livesql: option %s=%q: %s", e.Option, e.Value, e.Why)
}

// Lease sets how far an answer from memory may lag behind the database, at
// most; 2 s without it. Normally it lags by the time between two polls. When
// the feed is silent for longer, reads go to the database. It must be at least
// 50 ms, and with MySQL 300 ms. DSN parameter livesql_lease.
func Lease(d time.Duration) Option {
	return func(o *options) error {
		if d < 50*time.Millisecond {
			return &OptionError{"lease", d.String(), "must be at least 50ms"}
		}
		o.lease = d
		return nil
	}
}

// CacheBytes bounds the memory of all cached results; 64 MiB without it. DSN
// parameter livesql_bytes.
func CacheBytes(n int64) Option {
	return func(o *options) error {
		if n <= 0 {
			return &OptionError{"bytes", strconv.FormatInt(n, 10), "must be positive"}
		}
		o.bytes = n
		return nil
	}
}

// ResultBytes bounds the memory of one cached result; 1 MiB without it. Larger
// results are streamed and not kept. DSN parameter livesql_result_bytes.
func ResultBytes(n int64) Option {
	return func(o *options) error {
		if n <= 0 {
			return &OptionError{"result_bytes", strconv.FormatInt(n, 10), "must be positive"}
		}
		o.resultBytes = n
		return nil
	}
}

// DefaultConsistency sets how current answers from memory have to be where the
// context of a read does not say (see [WithConsistency]); without it, not older
// than the lease. DSN parameter livesql_consistency=strong, bounded:500ms,
// stale:1m or revalidate:5s.
func DefaultConsistency(c Consistency) Option {
	return func(o *options) error {
		if !c.Valid() {
			return &OptionError{"consistency", c.String(), "must have a positive bound"}
		}
		o.consistency = c
		return nil
	}
}

// TTL bounds the age of answers from memory: none is given later than d after the
// read began that it came from, even if nothing has changed since. Results are
// kept until they change without it, and need no such bound; it is for those who
// want one, as for what depends on more than the database. It must be at least
// 10 ms. A result may be taken for older than it is by 1/256 of d. DSN parameter
// livesql_ttl=5m.
func TTL(d time.Duration) Option {
	return func(o *options) error {
		if d < 10*time.Millisecond {
			return &OptionError{"ttl", d.String(), "must be at least 10ms"}
		}
		o.ttl = d
		return nil
	}
}

// NeverCache names tables, as "name" or "schema.name", whose rows are not to be
// kept in memory: no result that depends on one is stored. DSN parameter
// livesql_never=secrets,public.cards.
func NeverCache(tables ...string) Option {
	return func(o *options) error {
		if o.denied == nil {
			o.denied = make(map[string]bool)
		}
		for _, t := range tables {
			if t = strings.TrimSpace(t); t == "" {
				return &OptionError{"never", strings.Join(tables, ","), "has a table without a name"}
			}
			o.denied[strings.ToLower(t)] = true
		}
		return nil
	}
}

// denies reports whether NeverCache names the table, in upper or lower case.
func (o *options) denies(t dialects.Table) bool {
	return len(o.denied) > 0 && (o.denied[strings.ToLower(t.Name)] || o.denied[strings.ToLower(t.String())])
}

// Verify makes one in n answers from memory ask the database, too, and compare.
// A difference that the change feed does not explain is counted as a violation
// in [Stats] and logged with its statement. It is for those who want to see for
// themselves, in production: it costs one in n of the saved reads. A statement
// with LIMIT and without ORDER BY may differ by right. DSN parameter
// livesql_verify=1000.
func Verify(n int) Option {
	return func(o *options) error {
		if n < 1 {
			return &OptionError{"verify", strconv.Itoa(n), "must be at least 1"}
		}
		o.verify = n
		return nil
	}
}

// AutoInstall lets livesql install capture triggers in every table, including
// those created later. Without it, livesql does so only in a SQLite database
// that it created itself; elsewhere `livesql install` does. DSN parameter
// livesql_install=auto.
func AutoInstall() Option {
	return func(o *options) error {
		o.install = listen.InstallAuto
		return nil
	}
}

// WithOutbox has the accepted saves of edit sessions kept in a journal until they
// have ended, so that they outlive the process: a file of the module
// github.com/vantage-go/live/edit/outbox, or another [edit.Outbox]. It is of this
// handle alone, and is to be closed by the program after the handle.
//
// What an earlier process has left is saved when its table is opened with
// [OpenTable], each save once, and merged with what others have changed since, or
// in conflict with it; sessions of the table wait for that. [LiveTable.Replayed]
// tells what became of it. Saves that need another table, too, wait until that is
// opened.
//
// Whether a save was done that was under way when a process ended is noted in
// the table livesql_saves, in the transaction of the save. WithOutbox is the
// permission to make that table; with [NoInstall] it is used only if it is there.
// Without it new rows whose keys the database makes, and counters, that were
// under way end with [edit.ErrOutcomeUnknown].
//
// Tables with a condition ([Where]) save past the outbox.
func WithOutbox(outbox edit.Outbox) Option {
	return func(o *options) error {
		if outbox == nil {
			return &OptionError{"outbox", "nil", "must not be nil"}
		}
		o.keeping.outbox = outbox
		return nil
	}
}

// LedgerRetention sets how long it is noted which saves were done, with
// [WithOutbox]: a week without it, for good if d is 0. Of a save that an outbox
// has kept for longer it may only be told that its outcome is not known. Clocks
// are trusted to an hour only, so that it should be days. See
// [sqlstore.LedgerRetention].
func LedgerRetention(d time.Duration) Option {
	return func(o *options) error {
		if d < 0 {
			return &OptionError{"ledger_retention", d.String(), "must not be negative"}
		}
		o.keeping.retention = &d
		return nil
	}
}

// VersionsCounted states that whoever changes a row of a table with a version column
// counts the version up in that statement: other programs, triggers, people with a
// console. Saves of edit sessions on Postgres and SQLite then need not read back what
// follows from that, which makes them quicker. A change by others of other columns
// that leaves the version as it was is not in the result of a save; the live
// table and its sessions show it soon, with a feed. Tables without a version column,
// MySQL and MariaDB are as without it. See [sqlstore.VersionsCounted].
func VersionsCounted() Option {
	return func(o *options) error {
		o.counted = true
		return nil
	}
}

// NoInstall forbids livesql to change the schema in any database. DSN
// parameter livesql_install=never.
func NoInstall() Option {
	return func(o *options) error {
		o.install = listen.InstallNever
		return nil
	}
}

// Logger sets where losses of the feed and other troubles are told. Without it
// nothing is logged. Neither values nor data source names are ever logged.
func Logger(log *slog.Logger) Option {
	return func(o *options) error {
		if log == nil {
			return &OptionError{"logger", "nil", "must not be nil"}
		}
		o.log = log
		return nil
	}
}

// Eager makes a connection of the pool dial when the pool opens it, as plain
// drivers do, and not when a statement first needs it. DSN parameter
// livesql_eager=true.
func Eager() Option {
	return func(o *options) error {
		o.eager = true
		return nil
	}
}

// Off makes the handle pass everything through: no cache, no feed. DSN
// parameter livesql_cache=off.
func Off() Option {
	return func(o *options) error {
		o.off = true
		return nil
	}
}

// FeedDSN makes the change feed connect to dsn and not to what the handle is
// opened with: to the database itself, where the program goes through a pooler
// that does not pass notifications on, or as another user. It must be the same
// database.
func FeedDSN(dsn string) Option {
	return func(o *options) error {
		if dsn == "" {
			return &OptionError{"feed_dsn", dsn, "must not be empty"}
		}
		o.feedDSN = dsn
		return nil
	}
}

// PollInterval sets the time between polls of the change log: lo while changes
// arrive, growing to hi while none do, and never more than half a lease.
// Without it, the dialect knows what suits its database: 10 to 100 ms on
// SQLite, 25 ms to 1 s on MySQL, and on PostgreSQL 6 to 500 ms with a bell that
// rings in between.
func PollInterval(lo, hi time.Duration) Option {
	return func(o *options) error {
		if lo <= 0 || hi < lo {
			return &OptionError{"poll_interval", lo.String() + "…" + hi.String(), "must be positive and in order"}
		}
		o.feed = append(o.feed, listen.WithInterval(lo, hi))
		return nil
	}
}

// FeedDeadline bounds one attempt of the feed to connect, and one poll; 1 s
// without it. A dead connection is noticed after that time, a slow one must
// answer within it: connecting, and reading the schema for the first time, takes
// some ten round trips each, more with thousands of tables. So it has to be
// longer for a server that is far away, and the lease should be, too. DSN
// parameter livesql_deadline.
func FeedDeadline(d time.Duration) Option {
	return func(o *options) error {
		if d <= 0 {
			return &OptionError{"deadline", d.String(), "must be positive"}
		}
		o.feed = append(o.feed, listen.WithDeadline(d))
		return nil
	}
}

// WithBackend puts another backend behind the handle than the dialect's. It is
// for tests, which script the feed.
func WithBackend(b listen.Backend) Option {
	return func(o *options) error {
		o.backend = b
		return nil
	}
}

// ForcedEviction makes the cache store and never hit. It is for tests of what
// a cache must not change.
func ForcedEviction() Option {
	return func(o *options) error {
		o.evict = true
		return nil
	}
}

func build(opts []Option) (*options, error) {
	o := &options{lease: cache.DefaultLease, log: slog.New(slog.DiscardHandler)}
	for _, opt := range opts {
		if err := opt(o); err != nil {
			return nil, err
		}
	}
	if o.backend != nil && (o.off || o.feedDSN != "") {
		return nil, &OptionError{"backend", fmt.Sprintf("%T", o.backend), "cannot be combined with Off or FeedDSN"}
	}
	return o, nil
}

// driverOptions are those of the wrapper. Heard counts the polls of the feed, and is
// nil if there is none.
func (o *options) driverOptions(heard func() uint64) (all []driver.Option) {
	if o.eager {
		all = append(all, driver.Eager())
	}
	if heard != nil {
		all = append(all, driver.LazyReset(heard))
	}
	return all
}
