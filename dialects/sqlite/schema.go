package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// querier is the part of *sql.DB, *sql.Conn and *sql.Tx that reads need.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// schema is what the main database of a file holds, at one schema version.
type schema struct {
	version  int64
	tables   []*table
	views    []view
	triggers []trigger
	// installed reports that livesql's own tables are there.
	installed bool
}

// table is one table with everything that its capture triggers depend on.
type table struct {
	name    string
	kind    string // table, virtual or shadow
	columns map[string]column
	key     []string // primary key columns in key order
	// alias: the key is another name of the rowid.
	alias bool
	// withoutRowid: its rows have none.
	withoutRowid bool
	// rowid is a name of the rowid that no column has, or empty if none is left.
	rowid   string
	unique  []index
	parents []string // tables that its foreign keys refer to
	// collates: its definition speaks of collations, so that texts with other
	// bytes may be equal.
	collates bool
	// interferes: a trigger of the program's may fire between the insertion
	// of a row and a capture trigger.
	interferes bool
	// captures holds the livesql triggers found on the table, by name.
	captures map[string]string
}

type column struct {
	name string
	// pk is the column's place in the primary key, from 1, or 0.
	pk int
	// loose: values that the column holds apart may compare as equal, since
	// it takes integers, reals and blobs as they come.
	loose bool
	// substitute is the default that takes the place of a NULL under REPLACE,
	// as SQL, or empty.
	substitute string
	// unforeseeable: such a default exists and may differ each time.
	unforeseeable bool
	// kind is that of the values which a statement can ask for with =.
	kind dialects.KeyKind
}

// index is a unique index whose conflicts delete rows with another key than
// the new row's.
type index struct {
	name    string
	columns []indexColumn
	// primary: the index is that of the primary key.
	primary bool
	// exotic: which rows it makes conflict cannot be said with columns alone.
	exotic bool
}

type indexColumn struct {
	name, collation string
}

type view struct {
	name, sql string
}

type trigger struct {
	name, table, sql string
}

// tableMap finds tables: schemas spell their names as each statement did.
type tableMap map[string]*table

func (m tableMap) find(name string) *table { return m[dialects.Fold(dialects.SQLite, name)] }

// loadSchema reads the schema over q, which should be in a read transaction.
func loadSchema(ctx context.Context, q querier) (*schema, error) {
	s := &schema{}
	if err := renewSchema(ctx, q); err != nil {
		return nil, err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA main.schema_version").Scan(&s.version); err != nil {
		return nil, fmt.Errorf("sqlite: reading the schema version: %w", err)
	}
	byName := make(tableMap)
	err := each(ctx, q, `SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'view'`, func(scan scanFunc) error {
		t := &table{columns: make(map[string]column), captures: make(map[string]string)}
		if err := scan(&t.name, &t.kind); err != nil {
			return err
		}
		switch {
		case t.name == logTable:
			s.installed = true
		case t.name == metaTable || strings.HasPrefix(t.name, "sqlite_"):
		default:
			s.tables = append(s.tables, t)
			byName[dialects.Fold(dialects.SQLite, t.name)] = t
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.tables, func(a, b *table) int { return strings.Compare(a.name, b.name) })
	for _, load := range []func(context.Context, querier, tableMap) error{loadColumns, loadIndexes, loadForeignKeys} {
		if err := load(ctx, q, byName); err != nil {
			return nil, err
		}
	}
	return s, s.loadDefinitions(ctx, q, byName)
}

// renewSchema makes the connection read the schema again if another one has
// changed it. Neither pragmas nor preparing a statement do that: only a
// statement that runs compares the schema in memory with the file's.
func renewSchema(ctx context.Context, q querier) error {
	var n int
	if err := q.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM main.sqlite_schema LIMIT 1)").Scan(&n); err != nil {
		return fmt.Errorf("sqlite: reading the schema: %w", err)
	}
	return nil
}

func loadColumns(ctx context.Context, q querier, tables tableMap) error {
	err := each(ctx, q, `SELECT l.name, l.strict, l.wr, x.name, x.type, x."notnull", x.dflt_value, x.pk
		FROM pragma_table_list AS l, pragma_table_xinfo(l.name, 'main') AS x
		WHERE l.schema = 'main' AND l.type = 'table'`, func(scan scanFunc) error {
		var (
			name, declared  string
			strict, notNull bool
			withoutRowid    bool
			preset          sql.NullString
			c               column
		)
		if err := scan(&name, &strict, &withoutRowid, &c.name, &declared, &notNull, &preset, &c.pk); err != nil {
			return err
		}
		c.loose = holdsAnything(declared, strict)
		c.kind = keyKind(declared)
		if notNull && preset.Valid {
			c.substitute = literal(preset.String)
			c.unforeseeable = c.substitute == ""
		}
		if t := tables.find(name); t != nil {
			t.columns[c.name] = c
			t.withoutRowid = withoutRowid
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tables {
		var keyed []column
		for _, c := range t.columns {
			if c.pk > 0 {
				keyed = append(keyed, c)
			}
		}
		slices.SortFunc(keyed, func(a, b column) int { return a.pk - b.pk })
		for _, c := range keyed {
			t.key = append(t.key, c.name)
		}
		// Until an index of the primary key shows up.
		t.alias = len(t.key) == 1
		t.rowid = t.visibleRowid()
	}
	return nil
}

// visibleRowid returns a name under which statements can say the rowid.
func (t *table) visibleRowid() string {
	if t.withoutRowid {
		return ""
	}
	hidden := make(map[string]bool)
	for name := range t.columns {
		hidden[dialects.Fold(dialects.SQLite, name)] = true
	}
	for _, name := range []string{"rowid", "oid", "_rowid_"} {
		if !hidden[name] {
			return name
		}
	}
	return ""
}

// literals matches the defaults that mean the same wherever they stand. Others
// may be functions, or names that are columns in another place.
var literals = regexp.MustCompile(`(?i)^([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|x?'([^']|'')*'|null|current_(date|time|timestamp))$`)

// literal returns text if it is a literal, else nothing.
func literal(text string) string {
	switch {
	case strings.EqualFold(text, "true"):
		return "1"
	case strings.EqualFold(text, "false"):
		return "0"
	case literals.MatchString(text):
		return text
	}
	return ""
}

// keyKind returns the kind of keys that a column of the declared type holds, as
// far as equal values look the same: those of other types than the column's own
// are equal to none of its own (datatype3.html, §3.1 and §4).
func keyKind(declared string) dialects.KeyKind {
	declared = strings.ToUpper(declared)
	switch {
	case strings.Contains(declared, "INT"):
		return dialects.IntKey
	case strings.Contains(declared, "CHAR"), strings.Contains(declared, "CLOB"), strings.Contains(declared, "TEXT"):
		return dialects.TextKey
	}
	return dialects.NoKey
}

// keyColumns returns the columns of the primary key with their kinds, or
// nothing if values that the log tells apart can be equal to each other.
func (t *table) keyColumns() []dialects.KeyColumn {
	if t.collates || slices.ContainsFunc(t.unique, func(i index) bool { return i.primary }) {
		return nil
	}
	var key []dialects.KeyColumn
	for _, name := range t.key {
		key = append(key, dialects.KeyColumn{Name: name, Kind: t.columns[name].kind})
	}
	return key
}

// holdsAnything reports whether a column of the declared type stores values
// without converting them (datatype3.html, §3.1).
func holdsAnything(declared string, strict bool) bool {
	declared = strings.ToUpper(declared)
	if strict {
		return declared == "ANY"
	}
	for _, part := range []string{"INT", "CHAR", "CLOB", "TEXT"} {
		if strings.Contains(declared, part) {
			return false
		}
	}
	return declared == "" || strings.Contains(declared, "BLOB")
}

func loadIndexes(ctx context.Context, q querier, tables tableMap) error {
	err := each(ctx, q, `SELECT l.name, i.name, i.origin = 'pk', i.partial, coalesce(x.name, ''), coalesce(x.coll, '')
		FROM pragma_table_list AS l, pragma_index_list(l.name, 'main') AS i, pragma_index_xinfo(i.name, 'main') AS x
		WHERE l.schema = 'main' AND l.type = 'table' AND i."unique" = 1 AND x.key = 1
		ORDER BY l.name, i.name, x.seqno`, func(scan scanFunc) error {
		var name string
		var i index
		var c indexColumn
		if err := scan(&name, &i.name, &i.primary, &i.exotic, &c.name, &c.collation); err != nil {
			return err
		}
		if t := tables.find(name); t != nil {
			t.addUnique(i, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, t := range tables {
		// Rows with the same primary key bytes have the same key.
		t.unique = slices.DeleteFunc(t.unique, func(i index) bool { return i.primary && !t.tellsApart(i) })
	}
	return nil
}

func (t *table) addUnique(i index, c indexColumn) {
	if i.primary {
		t.alias = false
	}
	if n := len(t.unique); n == 0 || t.unique[n-1].name != i.name {
		t.unique = append(t.unique, i)
	}
	last := &t.unique[len(t.unique)-1]
	last.columns = append(last.columns, c)
	if c.name == "" || t.columns[c.name].unforeseeable {
		last.exotic = true
	}
}

// tellsApart reports whether keys can be different and yet conflict in i.
func (t *table) tellsApart(i index) bool {
	return slices.ContainsFunc(i.columns, func(c indexColumn) bool {
		return c.collation != "BINARY" || t.columns[c.name].loose
	})
}

func loadForeignKeys(ctx context.Context, q querier, tables tableMap) error {
	return each(ctx, q, `SELECT l.name, f."table" FROM pragma_table_list AS l, pragma_foreign_key_list(l.name, 'main') AS f
		WHERE l.schema = 'main' AND l.type = 'table'`, func(scan scanFunc) error {
		var name, parent string
		if err := scan(&name, &parent); err != nil {
			return err
		}
		if t := tables.find(name); t != nil {
			t.parents = append(t.parents, parent)
		}
		return nil
	})
}

func (s *schema) loadDefinitions(ctx context.Context, q querier, tables tableMap) error {
	return each(ctx, q, `SELECT type, name, tbl_name, sql FROM main.sqlite_schema
		WHERE type IN ('view', 'trigger') OR type = 'table' AND sql LIKE '%collate%'`, func(scan scanFunc) error {
		var kind, name, on, text string
		if err := scan(&kind, &name, &on, &text); err != nil {
			return err
		}
		switch {
		case kind == "table":
			if t := tables.find(on); t != nil {
				t.collates = true
			}
		case kind == "view":
			s.views = append(s.views, view{name, text})
		case strings.HasPrefix(name, capturePrefix):
			if t := tables.find(on); t != nil {
				t.captures[name] = text
			}
		default:
			s.triggers = append(s.triggers, trigger{name, on, text})
			// The word may stand elsewhere in the text: that costs marks.
			if t := tables.find(on); t != nil && strings.Contains(strings.ToUpper(text), "INSERT") {
				t.interferes = true
			}
		}
		return nil
	})
}

// catalog turns the schema into what the analysis needs.
func (s *schema) catalog(version uint64) *dialects.Catalog {
	fires := make(map[string][]string)
	for _, t := range s.triggers {
		on := dialects.Fold(dialects.SQLite, t.table)
		fires[on] = append(fires[on], dialects.ScanText(dialects.SQLite, t.sql).Names...)
	}
	for _, t := range s.tables {
		for _, parent := range t.parents {
			on := dialects.Fold(dialects.SQLite, parent)
			fires[on] = append(fires[on], t.name)
		}
	}
	objects := make([]dialects.Object, 0, len(s.tables)+len(s.views))
	for _, t := range s.tables {
		why := t.uncovered(s.installed)
		objects = append(objects, dialects.Object{
			Table: tableNamed(t.name), Covered: why == "", Why: why, Key: t.keyColumns(), Replaces: len(t.unique) > 0,
			Fires: fires[dialects.Fold(dialects.SQLite, t.name)],
		})
	}
	for _, v := range s.views {
		objects = append(objects, dialects.Object{
			Table: tableNamed(v.name), View: true,
			Mentions: dialects.ScanText(dialects.SQLite, v.sql).Names,
			Fires:    fires[dialects.Fold(dialects.SQLite, v.name)],
		})
	}
	return dialects.NewCatalog(version, dialects.SQLite, objects)
}

// composite returns the number of key columns of the tables with several.
func (s *schema) composite() map[string]int {
	n := make(map[string]int)
	for _, t := range s.tables {
		if len(t.key) > 1 {
			n[t.name] = len(t.key)
		}
	}
	return n
}

// tableNamed is the table of that name in the main database.
func tableNamed(name string) dialects.Table { return dialects.Table{Schema: "main", Name: name} }

type scanFunc func(dest ...any) error

// each calls f for every row of a query.
func each(ctx context.Context, q querier, query string, f func(scanFunc) error) (err error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return fmt.Errorf("sqlite: reading the schema: %w", err)
	}
	defer func() {
		if cerr := rows.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("sqlite: reading the schema: %w", cerr)
		}
	}()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return fmt.Errorf("sqlite: reading the schema: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("sqlite: reading the schema: %w", err)
	}
	return nil
}
