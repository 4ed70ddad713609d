package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"modernc.org/sqlite"

	"github.com/vantage-go/live/dialects"
)

// analyst owns the connection on which texts are prepared, never run. It is
// read-only, so that a text that was misjudged could not write either.
type analyst struct {
	// token is taken while the connection is used: preparing asks the disk,
	// and a caller that waits must be able to give up.
	token chan struct{}
	conn  *sql.Conn // guarded by token
	seen  *observer // guarded by token
	ended bool      // guarded by token
	// stale: the connection may hold an older schema in memory.
	stale atomic.Bool
	// reopen: the connection may be one to a file that was replaced.
	reopen atomic.Bool

	installed atomic.Bool
	missing   atomic.Bool
	never     bool
}

// observer collects what SQLite asks its authorizer while it compiles one
// statement.
type observer struct {
	active    bool
	reads     map[string]bool // tables and views, as the schema spells them
	direct    map[string]bool // those that the text itself names
	writes    map[string]bool
	functions map[string]bool
	schemas   map[string]bool // other than main
	system    bool            // reads or writes SQLite's own tables
	log       bool            // reads livesql's own tables
	other     string          // anything that is neither reading nor writing rows
}

func (o *observer) reset() {
	*o = observer{
		active: true, reads: make(map[string]bool), direct: make(map[string]bool),
		writes: make(map[string]bool), functions: make(map[string]bool), schemas: make(map[string]bool),
	}
}

// authorize is called for every table, column and function that a statement
// would use. It refuses nothing: preparing runs nothing.
func (o *observer) authorize(action sqlite.AuthorizerActionCode, arg1, arg2, schema, inside string) sqlite.AuthorizerReturnCode {
	if !o.active {
		return sqlite.AuthorizerOK
	}
	switch action {
	case sqlite.AuthRead:
		o.touch(o.reads, arg1, schema)
		if inside == "" {
			o.direct[arg1] = true
		}
		o.log = o.log || arg1 == logTable || arg1 == metaTable
	case sqlite.AuthInsert, sqlite.AuthUpdate, sqlite.AuthDelete:
		o.touch(o.writes, arg1, schema)
	case sqlite.AuthFunction:
		// The operators of JSON call functions of these names.
		if arg2 != "->" && arg2 != "->>" {
			o.functions[strings.ToLower(arg2)] = true
		}
	case sqlite.AuthSelect, sqlite.AuthRecursive:
	default:
		o.other = fmt.Sprintf("SQLite asks for action %d", action)
	}
	return sqlite.AuthorizerOK
}

func (o *observer) touch(set map[string]bool, table, schema string) {
	switch {
	case strings.HasPrefix(table, "sqlite_"):
		o.system = true
	case table == logTable || table == metaTable:
		// Written by the capture triggers.
	case schema != "main" && schema != "":
		o.schemas[schema] = true
	default:
		set[table] = true
	}
}

var errClosed = errors.New("sqlite: the handle is closed")

// refresh makes the next analysis read the schema again.
func (a *analyst) refresh() { a.stale.Store(true) }

func (a *analyst) close() {
	a.token <- struct{}{}
	defer func() { <-a.token }()
	a.drop()
	a.ended = true
}

func (a *analyst) drop() {
	if a.conn != nil {
		_ = a.conn.Close() // only ever prepared
		a.conn, a.seen = nil, nil
	}
}

// Analyze tells what text means. The words decide first; a read or a write of
// rows is then shown to SQLite, whose answer can only narrow theirs.
func (d *database) Analyze(ctx context.Context, text string) (*dialects.Analysis, error) {
	catalog := d.catalog.Load()
	if !d.analyst.installed.Load() {
		// Nothing is cached, so nothing has to be told apart.
		return dialects.Cautious(dialects.SQLite, dialects.ScanText(dialects.SQLite, text), "livesql is not installed in this database", catalog.Version()), nil
	}
	return d.memo.Analyze(text, catalog.Version(), func() (*dialects.Analysis, error) {
		return d.analyze(ctx, catalog, text)
	})
}

// analyze is Analyze for a text whose like was not seen before.
func (d *database) analyze(ctx context.Context, catalog *dialects.Catalog, text string) (*dialects.Analysis, error) {
	a := dialects.Words(dialects.SQLite, catalog, text)
	if a.Scan.Statements != 1 || a.Scan.Kind != dialects.Read && a.Scan.Kind != dialects.Write {
		return a, nil
	}
	seen, err := d.prepare(ctx, text)
	if err != nil {
		return dialects.Cautious(dialects.SQLite, a.Scan, "SQLite does not prepare the statement: "+err.Error(), catalog.Version()), err
	}
	if seen == nil {
		unseen(catalog, a) // the driver cannot tell; the words stand
		return a, nil
	}
	return narrow(catalog, a, seen), nil
}

// unseen adds to what the words tell that they do not tell everything: a view may
// call functions, and read SQLite's own tables.
func unseen(catalog *dialects.Catalog, a *dialects.Analysis) {
	for _, name := range a.Scan.Names {
		if a.Uncacheable == "" && slices.ContainsFunc(catalog.Find(name), func(o *dialects.Object) bool { return o.View }) {
			a.Uncacheable = "may use the view " + name + ", and the driver does not tell what that does"
		}
	}
}

// prepare shows text to SQLite. It returns nil when the inner driver has no
// authorizer.
func (d *database) prepare(ctx context.Context, text string) (*observer, error) {
	a := &d.analyst
	select {
	case a.token <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("sqlite: waiting to analyse a statement: %w", ctx.Err())
	}
	defer func() { <-a.token }()
	if err := d.analystConn(ctx); err != nil {
		return nil, err
	}
	if a.seen == nil {
		return nil, nil //nolint:nilnil // no observer is the answer
	}
	if a.stale.Swap(false) {
		if err := renewSchema(ctx, a.conn); err != nil {
			a.stale.Store(true)
			return nil, err
		}
	}
	a.seen.reset()
	defer func() { a.seen.active = false }()
	err := a.conn.Raw(func(conn any) error {
		_, err := conn.(preparer).ColumnInfo(text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sqlite: preparing a statement: %w", err)
	}
	seen := *a.seen
	return &seen, nil
}

// preparer is a connection of modernc.org/sqlite. ColumnInfo prepares the
// first statement of a text and runs nothing.
type preparer interface {
	sqlite.AuthorizerRegisterer
	ColumnInfo(query string) ([]sqlite.ColumnInfo, error)
}

// analystConn opens the connection when there is none.
func (d *database) analystConn(ctx context.Context) error {
	a := &d.analyst
	if a.ended {
		return errClosed
	}
	if a.reopen.Swap(false) {
		a.drop()
	}
	if a.conn != nil {
		return nil
	}
	conn, err := d.own.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	// With foreign keys and recursive triggers on, SQLite tells of every
	// table that a write may reach on a connection where they are on.
	for _, pragma := range []string{"query_only = 1", "foreign_keys = 1", "recursive_triggers = 1", "busy_timeout = 200"} {
		if _, err := conn.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return errors.Join(fmt.Errorf("sqlite: %w", err), conn.Close())
		}
	}
	a.conn = conn
	seen := &observer{}
	err = conn.Raw(func(c any) error {
		if p, ok := c.(preparer); ok {
			a.seen = seen
			return p.RegisterAuthorizer(seen.authorize)
		}
		return nil
	})
	if err != nil {
		a.drop()
		return fmt.Errorf("sqlite: registering an authorizer: %w", err)
	}
	return nil
}

// narrow replaces the supersets of the words by what SQLite told.
func narrow(catalog *dialects.Catalog, words *dialects.Analysis, seen *observer) *dialects.Analysis {
	a := &dialects.Analysis{Scan: words.Scan, Version: words.Version, Conflict: words.Conflict}
	a.Reads = tablesOf(catalog, seen.reads)
	a.Writes = tablesOf(catalog, seen.writes)
	a.Pins = pinsOn(words.Pins, a.Reads)
	a.Touches = pinsOn(words.Touches, a.Writes)
	functions := sorted(seen.functions)
	a.Uncacheable, a.WritesAll = dialects.CheckCalls(dialects.SQLite, functions)
	switch {
	case seen.other != "":
		a.Uncacheable, a.WritesAll = seen.other, true
	case words.Conflict != "":
		a.Uncacheable = words.Conflict
	case a.Scan.Kind == dialects.Write:
		a.Uncacheable = a.Scan.Why
	case len(seen.schemas) > 0:
		a.Uncacheable = "uses the database " + sorted(seen.schemas)[0] + ", which belongs to the connection"
	case seen.system:
		a.Uncacheable = "reads SQLite's own tables"
	case seen.log:
		a.Uncacheable = "reads livesql's own tables"
	case len(a.Writes) > 0:
		a.Uncacheable = "writes, although no word of it says so"
	case a.Uncacheable == "":
		a.Conflict = disagreement(catalog, words, a, seen)
		a.Uncacheable = a.Conflict
	}
	if a.Uncacheable == "" {
		a.Uncacheable = dialects.CheckReads(catalog, a)
	}
	return a
}

// pinsOn returns the pins on those tables: others are not used after all.
func pinsOn(pins []dialects.Pin, tables []dialects.Table) []dialects.Pin {
	var some []dialects.Pin
	for _, p := range pins {
		if slices.Contains(tables, p.Table) {
			some = append(some, p)
		}
	}
	return some
}

// disagreement checks that SQLite named no table that the words of the text
// could not name. One of the two is then wrong, and the text is not cached.
func disagreement(catalog *dialects.Catalog, words, a *dialects.Analysis, seen *observer) string {
	for _, t := range a.Reads {
		if !slices.Contains(words.Reads, t) && seen.direct[t.Name] && catalog.Find(t.Name) != nil {
			return "two ways of reading the statement contradict each other: its words do not name the table " + t.Name + " that SQLite says it reads"
		}
	}
	return ""
}

// tablesOf returns the names that are tables with rows of their own. A name
// that the catalogue does not know is kept: nothing covers it.
func tablesOf(catalog *dialects.Catalog, names map[string]bool) []dialects.Table {
	var tables []dialects.Table
	for _, name := range sorted(names) {
		objects := catalog.Find(name)
		if len(objects) == 0 && (name == "json_each" || name == "json_tree") {
			continue // table-valued functions of their arguments alone
		}
		if len(objects) == 1 && objects[0].View {
			continue
		}
		tables = append(tables, tableNamed(name))
	}
	return tables
}

func sorted(set map[string]bool) []string {
	names := make([]string, 0, len(set))
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
