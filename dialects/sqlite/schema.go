package sqlite

import (
	"context"
	"database/sql"
	"fmt"
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
	kind    string   // table, virtual or shadow
	key     []string // primary key columns in key order
	unique  []index
	parents []string // tables that its foreign keys refer to
	// captures holds the livesql triggers found on the table, by name.
	captures map[string]string
}

// index is a unique index other than the primary key.
type index struct {
	name    string
	columns []indexColumn
	// exotic: partial, or over expressions. Which rows it makes conflict
	// cannot be said with columns alone.
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

// loadSchema reads the schema over q, which should be in a read transaction.
func loadSchema(ctx context.Context, q querier) (*schema, error) {
	s := &schema{}
	if err := renewSchema(ctx, q); err != nil {
		return nil, err
	}
	if err := q.QueryRowContext(ctx, "PRAGMA main.schema_version").Scan(&s.version); err != nil {
		return nil, fmt.Errorf("sqlite: reading the schema version: %w", err)
	}
	byName := make(map[string]*table)
	err := each(ctx, q, `SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'view'`, func(scan scanFunc) error {
		t := &table{captures: make(map[string]string)}
		if err := scan(&t.name, &t.kind); err != nil {
			return err
		}
		switch {
		case t.name == logTable:
			s.installed = true
		case t.name == metaTable || strings.HasPrefix(t.name, "sqlite_"):
		default:
			s.tables = append(s.tables, t)
			byName[t.name] = t
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(s.tables, func(a, b *table) int { return strings.Compare(a.name, b.name) })
	for _, load := range []func(context.Context, querier, map[string]*table) error{loadKeys, loadIndexes, loadForeignKeys} {
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

func loadKeys(ctx context.Context, q querier, tables map[string]*table) error {
	type keyed struct {
		name string
		pk   int
	}
	keys := make(map[*table][]keyed)
	err := each(ctx, q, `SELECT l.name, x.name, x.pk FROM pragma_table_list AS l, pragma_table_xinfo(l.name) AS x
		WHERE l.schema = 'main' AND l.type = 'table' AND x.pk > 0`, func(scan scanFunc) error {
		var name string
		var c keyed
		if err := scan(&name, &c.name, &c.pk); err != nil {
			return err
		}
		if t := tables[name]; t != nil {
			keys[t] = append(keys[t], c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for t, columns := range keys {
		slices.SortFunc(columns, func(a, b keyed) int { return a.pk - b.pk })
		for _, c := range columns {
			t.key = append(t.key, c.name)
		}
	}
	return nil
}

func loadIndexes(ctx context.Context, q querier, tables map[string]*table) error {
	// Origin pk is the primary key itself: a row that it replaces has the key
	// of the new row.
	return each(ctx, q, `SELECT l.name, i.name, i.partial, coalesce(x.name, ''), coalesce(x.coll, '')
		FROM pragma_table_list AS l, pragma_index_list(l.name) AS i, pragma_index_xinfo(i.name) AS x
		WHERE l.schema = 'main' AND l.type = 'table' AND i."unique" = 1 AND i.origin <> 'pk' AND x.key = 1
		ORDER BY l.name, i.name, x.seqno`, func(scan scanFunc) error {
		var name, index string
		var partial bool
		var c indexColumn
		if err := scan(&name, &index, &partial, &c.name, &c.collation); err != nil {
			return err
		}
		if t := tables[name]; t != nil {
			t.addUnique(index, partial, c)
		}
		return nil
	})
}

func (t *table) addUnique(name string, partial bool, c indexColumn) {
	if n := len(t.unique); n == 0 || t.unique[n-1].name != name {
		t.unique = append(t.unique, index{name: name, exotic: partial})
	}
	i := &t.unique[len(t.unique)-1]
	i.columns = append(i.columns, c)
	if c.name == "" {
		i.exotic = true
	}
}

func loadForeignKeys(ctx context.Context, q querier, tables map[string]*table) error {
	return each(ctx, q, `SELECT l.name, f."table" FROM pragma_table_list AS l, pragma_foreign_key_list(l.name) AS f
		WHERE l.schema = 'main' AND l.type = 'table'`, func(scan scanFunc) error {
		var name, parent string
		if err := scan(&name, &parent); err != nil {
			return err
		}
		if t := tables[name]; t != nil {
			t.parents = append(t.parents, parent)
		}
		return nil
	})
}

func (s *schema) loadDefinitions(ctx context.Context, q querier, tables map[string]*table) error {
	return each(ctx, q, `SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE type IN ('view', 'trigger')`, func(scan scanFunc) error {
		var kind, name, on, text string
		if err := scan(&kind, &name, &on, &text); err != nil {
			return err
		}
		switch {
		case kind == "view":
			s.views = append(s.views, view{name, text})
		case strings.HasPrefix(name, capturePrefix):
			if t := tables[on]; t != nil {
				t.captures[name] = text
			}
		default:
			s.triggers = append(s.triggers, trigger{name, on, text})
		}
		return nil
	})
}

// catalog turns the schema into what the analysis needs.
func (s *schema) catalog(version uint64) *dialects.Catalog {
	fires := make(map[string][]string)
	for _, t := range s.triggers {
		on := dialects.FoldASCII(t.table)
		fires[on] = append(fires[on], dialects.ScanText(dialects.SQLite, t.sql).Names...)
	}
	for _, t := range s.tables {
		for _, parent := range t.parents {
			on := dialects.FoldASCII(parent)
			fires[on] = append(fires[on], t.name)
		}
	}
	objects := make([]dialects.Object, 0, len(s.tables)+len(s.views))
	for _, t := range s.tables {
		why := t.uncovered(s.installed)
		objects = append(objects, dialects.Object{
			Table: tableNamed(t.name), Covered: why == "", Why: why, Fires: fires[dialects.FoldASCII(t.name)],
		})
	}
	for _, v := range s.views {
		objects = append(objects, dialects.Object{
			Table: tableNamed(v.name), View: true,
			Mentions: dialects.ScanText(dialects.SQLite, v.sql).Names,
			Fires:    fires[dialects.FoldASCII(v.name)],
		})
	}
	return dialects.NewCatalog(version, dialects.FoldASCII, objects)
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
