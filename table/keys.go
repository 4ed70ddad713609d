package table

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vantage-go/live/dialects"
)

// lookUp asks the database for the table of that name. For a view, or another
// thing without rows of its own, it is one that no change names.
func (d *Database) lookUp(ctx context.Context, name string) (t dialects.Table, view bool, err error) {
	schema, _, found := strings.Cut(name, ".")
	if !found {
		schema = ""
	}
	switch d.Flavor {
	case dialects.Postgres:
		err = d.DB.QueryRowContext(ctx, `SELECT n.nspname, c.relname, c.relkind NOT IN ('r', 'p') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.oid = to_regclass($1)`, d.quoteTable(name)).Scan(&t.Schema, &t.Name, &view)
	case dialects.MySQL:
		err = d.DB.QueryRowContext(ctx, `SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE <> 'BASE TABLE' FROM information_schema.TABLES
			WHERE TABLE_SCHEMA = IF(? = '', DATABASE(), ?) AND TABLE_NAME = ?`, schema, schema, bare(name)).Scan(&t.Schema, &t.Name, &view)
	default:
		t.Schema = "main"
		err = d.DB.QueryRowContext(ctx, "SELECT name, type = 'view' FROM main.sqlite_schema WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE",
			bare(name)).Scan(&t.Name, &view)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return t, false, noTableError(name)
	}
	return t, view, d.unreached(err)
}

// noTableError tells that there is no table of that name.
type noTableError string

func (e noTableError) Error() string { return "table: there is no table " + string(e) }

// uniqueKey is a key that no two rows share, and of which no column is NULL.
type uniqueKey struct {
	primary bool
	columns []string // in the order of the key
}

// The keys of a table: of each column of each unique index whose name the index
// is, whether it is the primary key's, the name of the column, and whether the
// index tells rows apart by it: its values, not parts of them or expressions,
// of all rows, and none of them NULL.
const (
	keysPostgres = `SELECT i.indexrelid::text, i.indisprimary, coalesce(a.attname::text, ''),
			coalesce(a.attnotnull, false) AND i.indpred IS NULL AND i.indisvalid AND i.indimmediate
		FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
		LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
		WHERE i.indisunique AND i.indrelid = to_regclass($1) AND k.place <= i.indnkeyatts ORDER BY i.indisprimary DESC, i.indexrelid, k.place`
	keysMySQL = `SELECT INDEX_NAME, INDEX_NAME = 'PRIMARY', coalesce(COLUMN_NAME, ''), COLUMN_NAME IS NOT NULL AND NULLABLE <> 'YES' AND SUB_PART IS NULL
		FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0 AND TABLE_SCHEMA = ? AND TABLE_NAME = ?
		ORDER BY INDEX_NAME = 'PRIMARY' DESC, INDEX_NAME, SEQ_IN_INDEX`
	keysSQLite = `SELECT owner, prim, name, good FROM (
			SELECT '' AS owner, 1 AS prim, name, 1 AS good, pk AS place FROM pragma_table_info(?1) WHERE pk > 0
			UNION ALL SELECT l.name, 0, coalesce(x.name, ''), NOT l.partial AND coalesce(c."notnull" OR c.pk > 0, 0), x.seqno
			FROM pragma_index_list(?1) l JOIN pragma_index_info(l.name) x LEFT JOIN pragma_table_info(?1) c ON c.name = x.name
			WHERE l."unique" AND l.origin <> 'pk'
		) ORDER BY prim DESC, owner, place`
)

// uniqueKeys returns the keys of a table, the primary one first, if there is one.
func (d *Database) uniqueKeys(ctx context.Context, t dialects.Table) (keys []uniqueKey, err error) {
	last, tells := "", true
	err = d.inquire(ctx, "keys", t, inquiry{keysPostgres, keysMySQL, keysSQLite}, func(rows *sql.Rows) error {
		var index, column string
		var primary, good bool
		if err := rows.Scan(&index, &primary, &column, &good); err != nil {
			return err
		}
		if len(keys) == 0 || index != last {
			if !tells {
				keys = keys[:len(keys)-1]
			}
			keys, last, tells = append(keys, uniqueKey{primary: primary}), index, true
		}
		tells = tells && good
		k := &keys[len(keys)-1]
		k.columns = append(k.columns, column)
		return nil
	})
	if !tells {
		keys = keys[:len(keys)-1]
	}
	return keys, err
}

// is reports whether a key has these columns, in whatever order.
func (k *uniqueKey) is(columns []string) bool {
	return len(k.columns) == len(columns) && !slices.ContainsFunc(k.columns, func(c string) bool {
		return !slices.ContainsFunc(columns, func(other string) bool { return strings.EqualFold(c, other) })
	})
}

// keyOf finds out by which columns the rows of a table are told apart: those
// that are tagged, if that is right, and else the primary key. Told are these
// columns as the change log has them, in their order; none if its keys are
// others, so that a change of a row may be one of any.
func (d *Database) keyOf(ctx context.Context, name string, tagged []string) (key, told []string, proven bool, err error) {
	if len(tagged) > 0 && !d.asks() {
		return tagged, tagged, true, nil
	}
	t, view, err := d.lookUp(ctx, name)
	if err != nil {
		return nil, nil, false, err
	}
	if view {
		if len(tagged) == 0 {
			return nil, nil, false, &NoKeyError{Table: name, Why: "it is a view, and no field is tagged with pk"}
		}
		return tagged, nil, false, nil
	}
	keys, err := d.uniqueKeys(ctx, t)
	if err != nil {
		return nil, nil, false, err
	}
	var primary []string
	if len(keys) > 0 && keys[0].primary {
		primary = keys[0].columns
	}
	switch {
	case len(tagged) == 0 && primary == nil:
		return nil, nil, false, &NoKeyError{Table: name, Why: "it has no primary key"}
	case len(tagged) == 0:
		return primary, primary, true, nil
	}
	for i := range keys {
		switch k := &keys[i]; {
		case !k.is(tagged):
		case k.primary:
			return tagged, k.columns, true, nil
		default:
			return tagged, nil, true, nil
		}
	}
	why := "it has no primary key, and " + strings.Join(tagged, ", ") + ", tagged with pk, is no unique key without NULLs"
	if primary != nil {
		why = fmt.Sprintf("%s, tagged with pk, is neither its primary key (%s) nor another unique key without NULLs",
			strings.Join(tagged, ", "), strings.Join(primary, ", "))
	}
	return nil, nil, false, &NoKeyError{Table: name, Why: why}
}

// timed reports whether the driver reads one of these columns as a time, and the
// change log tells it as a text: a date, or whatever SQLite's driver goes by the
// declaration of.
func (d *Database) timed(ctx context.Context, t dialects.Table, columns []string) (timed bool, err error) {
	err = d.inquire(ctx, "columns", t, inquiry{columnsPostgres, columnsMySQL, columnsSQLite}, func(rows *sql.Rows) error {
		var name, declared string
		var bytewise, ordered, nulls any
		err := rows.Scan(&name, &declared, &bytewise, &ordered, &nulls)
		declared = strings.ToUpper(declared)
		timed = timed || slices.Contains(columns, name) && (strings.HasPrefix(declared, "DATE") || strings.HasPrefix(declared, "TIME"))
		return err
	})
	if err != nil || !timed || d.Flavor != dialects.MySQL {
		return timed, err
	}
	// There it is a matter of the connection.
	var date any
	err = d.DB.QueryRowContext(ctx, "SELECT CAST('2000-01-01' AS DATE)").Scan(&date)
	_, timed = date.(time.Time)
	return timed, d.unreached(err)
}
