package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/internal/rowmap"
)

// Table describes a table of the store's database for editing: rows are T, the
// columns are those of the catalogue.
func Table[T any](ctx context.Context, s *Store, schema, name string, opts ...edit.TableOption) (*edit.Table, error) {
	columns, err := Describe(ctx, s.db, flavorOf(s.engine), schema, name)
	if err != nil {
		return nil, err
	}
	opts = append([]edit.TableOption{edit.InSchema(schema), edit.Catalogue(columns)}, opts...)
	t, err := edit.NewTable[T](name, opts...)
	if err == nil && flavorOf(s.engine) != dialects.Postgres {
		if i, ok := t.Plan().Token(); ok {
			return nil, fmt.Errorf("edit: table %s: column %s: only Postgres has tokens", name, t.Plan().Fields()[i].Name)
		}
	}
	return t, err
}

// Describe reads the columns of a table from the catalogue of the database. An
// empty schema is the one that the connection has.
func Describe(ctx context.Context, db *sql.DB, flavor dialects.Flavor, schema, table string) ([]edit.Column, error) {
	columns, err := describe(ctx, db, flavor, schema, table)
	if err == nil && len(columns) == 0 {
		err = errors.New("there is no such table")
	}
	if err != nil {
		return nil, fmt.Errorf("edit: columns of table %s: %w", table, err)
	}
	return columns, nil
}

// describe is Describe, to which a table that is not there has no columns.
func describe(ctx context.Context, db querier, flavor dialects.Flavor, schema, table string) ([]edit.Column, error) {
	switch flavor {
	case dialects.Postgres:
		return describePostgres(ctx, db, schema, table)
	case dialects.MySQL:
		return describeMySQL(ctx, db, schema, table)
	default:
		return describeSQLite(ctx, db, schema, table)
	}
}

// querier is a pool, or a connection of one.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each runs a query and hands each row to f.
func each(ctx context.Context, db querier, query string, args []any, f func(*sql.Rows) error) (err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

const postgresColumns = `
SELECT a.attname, COALESCE(b.typname, t.typname), format_type(a.atttypid, -1),
       CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END,
       NOT a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '',
       COALESCE(a.attnum = ANY(i.indkey::int2[]), false)
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_type b ON b.oid = NULLIF(t.typbasetype, 0)
  LEFT JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
 WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum`

var postgresKinds = map[string]rowmap.Kind{
	"bool": rowmap.Bool, "int2": rowmap.Int, "int4": rowmap.Int, "int8": rowmap.Int,
	"float4": rowmap.Float32, "float8": rowmap.Float64, "numeric": rowmap.Numeric,
	"text": rowmap.Text, "varchar": rowmap.Text, "name": rowmap.Text, "bpchar": rowmap.Char, "bytea": rowmap.Bytes,
	"timestamptz": rowmap.Instant, "timestamp": rowmap.WallClock, "date": rowmap.Date,
	"time": rowmap.WallClock, "timetz": rowmap.Instant,
	"json": rowmap.JSON, "jsonb": rowmap.JSONB, "uuid": rowmap.UUID,
}

func describePostgres(ctx context.Context, db querier, schema, table string) ([]edit.Column, error) {
	e := &postgres{}
	name := e.quote(table)
	if schema != "" {
		name = e.quote(schema) + "." + name
	}
	var columns []edit.Column
	err := each(ctx, db, postgresColumns, []any{name}, func(rows *sql.Rows) error {
		var c edit.Column
		var kind string
		var modifier int
		if err := rows.Scan(&c.Name, &kind, &c.Type, &modifier, &c.Nullable, &c.Default, &c.Generated, &c.Key); err != nil {
			return err
		}
		c.Kind = postgresKinds[kind]
		switch kind {
		case "numeric":
			if modifier >= 4 {
				c.Scale = int(int16((modifier-4)&0x7ff<<5)>>5) + 1
			}
		case "timestamptz", "timestamp", "time", "timetz":
			c.Keeps(6)
			if modifier >= 0 {
				c.Keeps(modifier)
			}
		}
		if c.Scale < 0 {
			c.Scale = 0 // it rounds to tens, and what comes back is taken
		}
		columns = append(columns, c)
		return nil
	})
	return columns, err
}

const mysqlColumns = `
SELECT column_name, data_type, column_type, COALESCE(numeric_scale, 0), COALESCE(datetime_precision, 0),
       is_nullable = 'YES', COALESCE(column_default, 'NULL') <> 'NULL', extra, column_key = 'PRI', VERSION() LIKE '%MariaDB%'
  FROM information_schema.columns
 WHERE table_schema = COALESCE(NULLIF(?, ''), DATABASE()) AND table_name = ?
 ORDER BY ordinal_position`

func describeMySQL(ctx context.Context, db querier, schema, table string) ([]edit.Column, error) {
	var columns []edit.Column
	err := each(ctx, db, mysqlColumns, []any{schema, table}, func(rows *sql.Rows) error {
		var c edit.Column
		var kind, full, extra string
		var scale, digits int
		var maria bool
		if err := rows.Scan(&c.Name, &kind, &full, &scale, &digits, &c.Nullable, &c.Default, &extra, &c.Key, &maria); err != nil {
			return err
		}
		extra = strings.ToUpper(extra)
		c.Type = kind
		c.Generated = strings.Contains(extra, "GENERATED") && !strings.Contains(extra, "DEFAULT_GENERATED")
		c.Default = c.Default || strings.Contains(extra, "AUTO_INCREMENT") || strings.Contains(extra, "DEFAULT_GENERATED")
		mysqlKind(&c, kind, full, scale, digits, maria)
		columns = append(columns, c)
		return nil
	})
	return columns, err
}

// mysqlKind describes a type. Columns whose equality is not exactly Go's are
// not compared by the server.
func mysqlKind(c *edit.Column, kind, full string, scale, digits int, maria bool) {
	switch kind {
	case "tinyint", "smallint", "mediumint", "int", "bigint", "year":
		c.Kind = rowmap.Int
		if full == "tinyint(1)" {
			c.Kind = rowmap.Bool
		}
	case "float":
		c.Kind, c.Incomparable = rowmap.Float32, true
	case "double":
		c.Kind, c.Incomparable = rowmap.Float64, true
	case "decimal":
		c.Kind, c.Scale, c.Incomparable = rowmap.Numeric, scale+1, true
	case "char":
		c.Kind = rowmap.Char
	case "varchar", "tinytext", "text", "mediumtext", "longtext":
		c.Kind = rowmap.Text
	case "enum", "set": // spelled as they are declared, whatever was written
	case "json":
		c.Kind, c.Incomparable = rowmap.JSONB, true
	case "date":
		c.Kind = rowmap.Date
	case "datetime", "timestamp":
		// The driver writes and reads instants in a zone of its own.
		c.Kind, c.Truncates = rowmap.Instant, maria
		c.Keeps(digits)
	case "uuid":
		c.Kind, c.Incomparable = rowmap.UUID, true
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		c.Kind = rowmap.Bytes
	case "bit":
		c.Kind, c.Incomparable = rowmap.Bytes, true
	default:
		c.Incomparable = true
	}
}

func describeSQLite(ctx context.Context, db querier, schema, table string) ([]edit.Column, error) {
	if schema == "" {
		schema = "main"
	}
	var columns []edit.Column
	keys := 0
	err := each(ctx, db, "SELECT name, type, \"notnull\", dflt_value IS NOT NULL, pk, hidden FROM pragma_table_xinfo(?, ?)",
		[]any{table, schema}, func(rows *sql.Rows) error {
			var c edit.Column
			var key, hidden int
			if err := rows.Scan(&c.Name, &c.Type, &c.Nullable, &c.Default, &key, &hidden); err != nil {
				return err
			}
			c.Nullable, c.Key, c.Generated = !c.Nullable, key > 0, hidden == 2 || hidden == 3
			c.Kind = affinity(c.Type)
			if c.Key {
				keys++
			}
			columns = append(columns, c)
			return nil
		})
	for i := range columns {
		if c := &columns[i]; c.Key && keys == 1 && strings.EqualFold(c.Type, "integer") {
			c.Default = true // the rowid
		}
	}
	return columns, err
}

// affinity is what SQLite makes of values in a column of a declared type, and
// what its drivers make of them when they are read.
func affinity(declared string) rowmap.Kind {
	d := strings.ToUpper(declared)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(d, w) {
				return true
			}
		}
		return false
	}
	switch {
	case has("BOOL"):
		return rowmap.Bool
	case has("DATE", "TIME"):
		return rowmap.Instant
	case has("INT"):
		return rowmap.Int
	case has("JSON"):
		return rowmap.JSON
	case has("CHAR", "CLOB", "TEXT"):
		return rowmap.Text
	case has("BLOB"):
		return rowmap.Bytes
	case d == "":
		return rowmap.Unknown
	case has("REAL", "FLOA", "DOUBLE"):
		return rowmap.Float64
	}
	return rowmap.Numeric
}
