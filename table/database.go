package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/listen"
)

// Database is what tables are opened on. Its fields must not change afterwards;
// it may be used concurrently.
type Database struct {
	// DB reads and writes the rows.
	DB *sql.DB
	// Feed tells what has changed. Without one, live tables need PollEvery.
	Feed *listen.Feed
	// Analyzer tells which tables a set depends on, and whether their changes
	// are captured. It goes with Feed.
	Analyzer dialects.Analyzer
	// Flavor is the grammar of its statements.
	Flavor dialects.Flavor
	// Place names the database in messages: the path of a file. It must hold no
	// password.
	Place string
	// Editing saves edit sessions in batches. Without it they are saved one by
	// one.
	Editing Editing
	// Installs tells that capture is being installed where there is none, so
	// that it is worth waiting for.
	Installs bool

	// sharedMu guards everything below.
	sharedMu sync.Mutex
	shared   map[any]*shared

	budget budget

	// sievesMu guards everything below.
	sievesMu sync.Mutex
	sieves   map[dialects.Table]*sieve

	// rereadsMu guards everything below.
	rereadsMu sync.Mutex
	rereads   map[dialects.Table]*rereads
}

// shared is a core that several tables use.
type shared struct {
	started chan struct{} // closed when the core is there, or will not be
	core    any           // nil until then
	users   int
	close   func() error
}

// querier is the part of *sql.DB and *sql.Tx that reads need.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// quoteTable returns a name, or schema.name, as statements have it.
func (d *Database) quoteTable(name string) string {
	schema, table, found := strings.Cut(name, ".")
	if !found {
		return quote(d.Flavor, name)
	}
	return quote(d.Flavor, schema) + "." + quote(d.Flavor, table)
}

// live waits until the feed knows what is captured.
func (d *Database) live(ctx context.Context, name string) error {
	if d.Feed == nil || d.Analyzer == nil {
		return &UncoveredError{Table: name, Why: "there is no change feed"}
	}
	if s := d.Feed.Status().State; s != listen.Live && s != listen.Off && s != listen.Closed {
		// A database that cannot be opened is an error now, not when ctx ends.
		if err := d.reach(ctx); err != nil {
			return err
		}
	}
	if err := d.Feed.WaitLive(ctx); err != nil {
		if errors.Is(err, listen.ErrNoLog) {
			return &UncoveredError{Table: name, Why: err.Error()}
		}
		return fmt.Errorf("table: waiting for the change feed: %w", err)
	}
	return nil
}

// dependencies returns the tables that the rows of a set depend on, or an
// *UncoveredError.
func (d *Database) dependencies(ctx context.Context, name, query string) (map[dialects.Table]bool, error) {
	a, err := d.Analyzer.Analyze(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("table: asking about %s: %w", name, err)
	}
	if a.Uncacheable != "" {
		return nil, &UncoveredError{Table: name, Why: a.Uncacheable}
	}
	reads := make(map[dialects.Table]bool, len(a.Reads))
	for _, t := range a.Reads {
		reads[t] = true
	}
	return reads, nil
}

// self finds a table by its name among those that its set depends on.
func (d *Database) self(ctx context.Context, name string, reads map[dialects.Table]bool) (dialects.Table, error) {
	if len(reads) == 1 {
		for t := range reads {
			if strings.EqualFold(t.Name, bare(name)) {
				return t, nil
			}
		}
	}
	t, _, err := d.lookUp(ctx, name)
	return t, err
}

// bare returns a name without its schema.
func bare(name string) string {
	if _, table, found := strings.Cut(name, "."); found {
		return table
	}
	return name
}

// unasked is an analyzer of a database that must not be asked anything but for
// its rows, like a mock.
type unasked interface{ Unasked() bool }

// asks reports whether the database may be asked for more than rows.
func (d *Database) asks() bool {
	u, ok := d.Analyzer.(unasked)
	return !ok || !u.Unasked()
}

// schemaVersion numbers what is known of the schema. Without an analyzer nobody tells
// when it changes.
func (d *Database) schemaVersion() uint64 {
	if d.Analyzer == nil {
		return 0
	}
	return d.Analyzer.Version()
}

// reach finds out whether the database can be opened at all.
func (d *Database) reach(ctx context.Context) error {
	if !d.asks() {
		return nil
	}
	var one int
	return d.unreached(d.DB.QueryRowContext(ctx, "SELECT 1").Scan(&one))
}

// connections returns how many may be used for queries that are run again for
// every change: some are left for what must not wait.
func (d *Database) connections() int {
	if most := d.DB.Stats().MaxOpenConnections; most > 0 {
		return min(max(most-1, 1), mostConnections)
	}
	return mostConnections
}

// unreached says which database could not be asked.
func (d *Database) unreached(err error) error {
	switch {
	case err == nil:
		return nil
	case d.Place == "":
		return fmt.Errorf("table: the database cannot be asked: %w", err)
	}
	return fmt.Errorf("table: the database %s cannot be opened: %w", d.Place, err)
}

// lasting reports whether readings may stay open: they keep nobody from
// writing, but in a SQLite database without a write-ahead log.
func (d *Database) lasting(ctx context.Context) (bool, error) {
	if d.Flavor != dialects.SQLite {
		return true, nil
	}
	var mode string
	if err := d.DB.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return false, d.unreached(err)
	}
	return strings.EqualFold(mode, "wal"), nil
}

// account tells who reads. It is an error if others might see other rows of
// these tables.
func (d *Database) account(ctx context.Context, tables *dependsOn) (name string, err error) {
	switch d.Flavor {
	case dialects.Postgres:
	case dialects.MySQL:
		err = d.DB.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&name)
		return name, d.unreached(err)
	default:
		return "", nil
	}
	args := []any{}
	var marks []string
	for _, t := range append([]dialects.Table{tables.own}, slices.Collect(maps.Keys(tables.others))...) {
		args = append(args, t.Schema, t.Name)
		marks = append(marks, fmt.Sprintf("($%d, $%d)", len(args)-1, len(args)))
	}
	var guarded bool
	err = d.DB.QueryRowContext(ctx, `SELECT current_user::text, EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relrowsecurity AND (n.nspname::text, c.relname::text) IN (`+strings.Join(marks, ", ")+"))", args...).Scan(&name, &guarded)
	if err == nil && guarded {
		err = errors.New("row-level security decides who sees them")
	}
	return name, err
}
