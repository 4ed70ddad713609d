package table

import (
	"context"
	"database/sql"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// The columns of a table: of each its name, its type, whether texts in it are
// equal only if their bytes are, whether they are in the order of their bytes, and
// whether only what is read as NULL is NULL. A row in a column of Postgres is also
// if all in it is, and a date of MySQL that must not be is if it is 0000-00-00.
const (
	columnsPostgres = `SELECT a.attname::text, format_type(a.atttypid, NULL), coalesce(c.collisdeterministic, true),
			coalesce(pg_encoding_to_char(d.encoding) = 'UTF8' AND (c.collprovider = 'c' AND c.collcollate IN ('C', 'POSIX')
				OR c.collprovider = 'd' AND d.datcollate IN ('C', 'POSIX') AND coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') = 'c'), false), y.typtype NOT IN ('c', 'd')
		FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid CROSS JOIN pg_database d LEFT JOIN pg_collation c ON c.oid = a.attcollation
		WHERE d.datname = current_database() AND a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`
	// Texts do not count: collations of MySQL take 'a' and 'a ' for equal, and
	// those of a statement have the character set of its session.
	columnsMySQL = `SELECT COLUMN_NAME, DATA_TYPE, FALSE, 0, IS_NULLABLE = 'YES' OR DATA_TYPE NOT IN ('date', 'datetime') FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`
	// Of a table whose definition speaks of collations, no text counts. The bytes
	// of UTF-16 have another order.
	columnsSQLite = `SELECT c.name, c.type, s.sql NOT LIKE '%collate%', s.sql NOT LIKE '%collate%' AND e.encoding = 'UTF-8', TRUE
		FROM main.sqlite_schema s JOIN pragma_table_xinfo(s.name) c JOIN pragma_encoding e WHERE s.type = 'table' AND s.name = ?`
)

// columnsOf returns the columns of a table with their kinds, which are none where
// it is not certain when two values are equal, but for those of which it is not even
// certain when they are NULL; and whether every statement reads their values alike.
func (d *Database) columnsOf(ctx context.Context, t dialects.Table) (kinds map[string]dialects.ColumnKind, alike map[string]bool, err error) {
	kindOf := kindSQLite
	switch d.Flavor {
	case dialects.Postgres:
		kindOf = kindPostgres
	case dialects.MySQL:
		kindOf = kindMySQL
	default:
	}
	kinds, alike = make(map[string]dialects.ColumnKind), make(map[string]bool)
	err = d.inquire(ctx, "columns", t, inquiry{columnsPostgres, columnsMySQL, columnsSQLite}, func(rows *sql.Rows) error {
		var name, declared string
		var bytewise, ordered, nulls bool
		if err := rows.Scan(&name, &declared, &bytewise, &ordered, &nulls); err != nil {
			return err
		}
		kind := kindOf(declared)
		if kind.Kind == dialects.TextKey {
			kind.Ordered = ordered
		}
		if kind.Kind == dialects.TextKey && !bytewise {
			kind = dialects.ColumnKind{}
		}
		if nulls {
			kinds[name] = kind
		}
		alike[name] = d.Flavor != dialects.MySQL || readAlike(declared)
		return nil
	})
	return kinds, alike, err
}

func kindPostgres(declared string) dialects.ColumnKind {
	ordered := func(kind dialects.KeyKind) dialects.ColumnKind { return dialects.ColumnKind{Kind: kind, Ordered: true} }
	switch declared {
	case "smallint", "integer", "bigint":
		return ordered(dialects.IntKey)
	case "text", "character varying":
		return ordered(dialects.TextKey)
	case "uuid":
		return ordered(dialects.UUIDKey)
	case "boolean":
		return ordered(dialects.BoolKey)
	case "timestamp with time zone":
		return ordered(dialects.TimeKey)
	}
	return dialects.ColumnKind{}
}

func kindMySQL(declared string) dialects.ColumnKind {
	switch strings.ToLower(declared) {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		return dialects.ColumnKind{Kind: dialects.IntKey, Ordered: true}
	case "uuid": // whose order is not that of its text
		return dialects.ColumnKind{Kind: dialects.UUIDKey}
	}
	return dialects.ColumnKind{}
}

// readAlike reports whether MySQL sends values of a type in the same way to
// statements with arguments, and without: of a FLOAT it sends fewer digits as a
// text.
func readAlike(declared string) bool {
	switch strings.ToLower(declared) {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "char", "varchar", "tinytext", "text", "mediumtext", "longtext",
		"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "enum", "set", "uuid", "date", "datetime", "timestamp", "json":
		return true
	}
	return false
}

// kindSQLite goes by the affinity of the column (datatype3.html, §3.1): values
// that it holds nevertheless are of no kind.
func kindSQLite(declared string) dialects.ColumnKind {
	declared = strings.ToUpper(declared)
	has := func(part string) bool { return strings.Contains(declared, part) }
	switch {
	case has("INT"):
		return dialects.ColumnKind{Kind: dialects.IntKey, Ordered: true, Mixed: true}
	case has("CHAR"), has("CLOB"), has("TEXT"):
		return dialects.ColumnKind{Kind: dialects.TextKey, Mixed: true}
	}
	return dialects.ColumnKind{}
}
