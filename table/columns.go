package table

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// The columns of a table: of each its name, its type, and whether texts in it
// are equal only if their bytes are.
const (
	columnsPostgres = `SELECT a.attname::text, format_type(a.atttypid, NULL), coalesce(c.collisdeterministic, true)
		FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
		WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`
	// Texts do not count: collations of MySQL take 'a' and 'a ' for equal, and
	// those of a statement have the character set of its session.
	columnsMySQL = `SELECT COLUMN_NAME, DATA_TYPE, FALSE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`
	// Of a table whose definition speaks of collations, no text counts.
	columnsSQLite = `SELECT c.name, c.type, s.sql NOT LIKE '%collate%' FROM main.sqlite_schema s JOIN pragma_table_xinfo(s.name) c
		WHERE s.type = 'table' AND s.name = ?`
)

// columnKinds returns the columns of a table of which it is certain when two
// values are equal, with their kinds.
func (d *Database) columnKinds(ctx context.Context, t dialects.Table) (kinds map[string]dialects.KeyKind, err error) {
	query, args, kindOf := columnsSQLite, []any{t.Name}, kindSQLite
	switch d.Flavor {
	case dialects.Postgres:
		query, args, kindOf = columnsPostgres, []any{quote(d.Flavor, t.Schema) + "." + quote(d.Flavor, t.Name)}, kindPostgres
	case dialects.MySQL:
		query, args, kindOf = columnsMySQL, []any{t.Schema, t.Name}, kindMySQL
	default:
	}
	rows, err := d.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("table: looking for the columns of %s: %w", t, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	kinds = make(map[string]dialects.KeyKind)
	for rows.Next() {
		var name, declared string
		var bytewise bool
		if err := rows.Scan(&name, &declared, &bytewise); err != nil {
			return nil, fmt.Errorf("table: looking for the columns of %s: %w", t, err)
		}
		kind := kindOf(declared)
		if kind != dialects.NoKey && (kind != dialects.TextKey || bytewise) {
			kinds[name] = kind
		}
	}
	return kinds, rows.Err()
}

func kindPostgres(declared string) dialects.KeyKind {
	switch declared {
	case "smallint", "integer", "bigint":
		return dialects.IntKey
	case "text", "character varying":
		return dialects.TextKey
	case "uuid":
		return dialects.UUIDKey
	case "boolean":
		return dialects.BoolKey
	}
	return dialects.NoKey
}

func kindMySQL(declared string) dialects.KeyKind {
	switch strings.ToLower(declared) {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return dialects.IntKey
	case "uuid":
		return dialects.UUIDKey
	}
	return dialects.NoKey
}

// kindSQLite goes by the affinity of the column (datatype3.html, §3.1): values
// that it holds nevertheless are of no kind.
func kindSQLite(declared string) dialects.KeyKind {
	declared = strings.ToUpper(declared)
	has := func(part string) bool { return strings.Contains(declared, part) }
	switch {
	case has("INT"):
		return dialects.IntKey
	case has("CHAR"), has("CLOB"), has("TEXT"):
		return dialects.TextKey
	}
	return dialects.NoKey
}
