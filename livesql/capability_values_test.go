package livesql_test

import (
	"database/sql"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
	"github.com/vantage-go/live/testdb/server"
)

// zoo is a table called zoo with a column of every common type.
type zoo struct {
	engine
	create []string
	// modes are DSN parameters that change what the driver delivers.
	modes []string
}

func zoos() []zoo {
	all := make([]zoo, 0, 4)
	for _, e := range engines() {
		switch e.dialect {
		case "sqlite":
			all = append(all, zoo{e, sqliteZoo, []string{
				"", "_time_format=sqlite", "_texttotime=1", "_inttotime=1", "_time_integer_format=unix_milli&_inttotime=1", "_timezone=America/New_York",
			}})
		case "postgres":
			all = append(all, zoo{e, postgresZoo, []string{
				"", "binary_parameters=yes", "disable_prepared_binary_result=yes", "timezone=America/New_York", "extra_float_digits=-5", "client_encoding=UTF8",
			}})
		case "pgx":
			all = append(all, zoo{e, postgresZoo, []string{
				"", "timezone=America/New_York", "default_query_exec_mode=cache_describe", "default_query_exec_mode=describe_exec",
				"default_query_exec_mode=exec", "default_query_exec_mode=simple_protocol",
			}})
		case "mysql":
			e.dsn = func(t *testing.T) string {
				t.Helper()
				return server.MariaDB(t).DSN("sql_mode=%27%27")
			}
			all = append(all, zoo{e, mysqlZoo, []string{
				"", "parseTime=true", "interpolateParams=true", "parseTime=true&loc=America%2FNew_York", "clientFoundRows=true&columnsWithAlias=true", "charset=latin1",
			}})
		}
	}
	return all
}

var sqliteZoo = []string{
	`CREATE TABLE zoo (id INTEGER PRIMARY KEY, i INTEGER, b BIGINT, u UNSIGNED BIG INT, r REAL, d DOUBLE, n NUMERIC, dec DECIMAL(10,2), t TEXT, v VARCHAR(20), c CLOB,
		bl BLOB, bo BOOLEAN, da DATE, dt DATETIME, ts TIMESTAMP, ti TIME, js JSON, plain, g INTEGER GENERATED ALWAYS AS (i * 2) VIRTUAL)`,
	`INSERT INTO zoo VALUES (1, 42, 9223372036854775807, 7, 2.5, 1e300, 12.5, 3.14, 'text', 'varchar', 'clob', x'0001ff', 1,
		'2024-05-06', '2024-05-06 07:08:09.123', '2024-05-06T07:08:09Z', '07:08:09', '{"a": 1}', 'anything')`,
	`INSERT INTO zoo VALUES (2, 'not a number', -1, 0, 3, 0, 'n', 'd', 17, x'6162', '', x'', 0, 1714978800, 1714978800123, 'no time', 1, '[]', x'')`,
	`INSERT INTO zoo (id) VALUES (3)`,
	`INSERT INTO zoo VALUES (4, 1.5, 'x', 2.5, 'r', x'00', x'01', 10, 2.5, 1, 1, 'text', 'yes', '', '', '2024-05-06 07:08:09 +0200', 'x', NULL, 1.5)`,
}

var postgresZoo = []string{
	`CREATE TYPE mood AS ENUM ('sad', 'glad')`,
	`CREATE TYPE pair AS (a INT, b TEXT)`,
	`CREATE DOMAIN positive AS INT CHECK (VALUE > 0)`,
	`CREATE TABLE zoo (id INT PRIMARY KEY, bo BOOLEAN, i2 SMALLINT, i4 INTEGER, i8 BIGINT, f4 REAL, f8 DOUBLE PRECISION, nu NUMERIC(20,5), mo MONEY, te TEXT, vc VARCHAR(20),
		ch CHAR(5), qc "char", na NAME, by BYTEA, da DATE, ti TIME, tz TIMETZ, ts TIMESTAMP, tt TIMESTAMPTZ, iv INTERVAL, uu UUID, js JSON, jb JSONB, ne INET, ci CIDR, ma MACADDR,
		ai INT[], at TEXT[], am BYTEA[], ra INT4RANGE, tr TSTZRANGE, po POINT, bi BIT(3), vb VARBIT(8), oi OID, xi XID, md mood, pr pair, dm positive, tv TSVECTOR, xm XML, am2 mood[])`,
	`INSERT INTO zoo VALUES (1, true, -2, 4, 9223372036854775807, 1.25, 1e-300, 12345.67890, 9.99, 'text', 'varchar', 'ch', 'q', 'name', '\x0001ff', '2024-05-06', '07:08:09.123',
		'07:08:09+02', '2024-05-06 07:08:09.123456', '2024-05-06 07:08:09.123456+02', '1 year 2 days 03:04:05.6', '8c6e9a1e-7a53-4c52-9e0f-6f3f0a1b2c3d', '{"a": [1, null]}',
		'{"b": 2}', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '{1,NULL,3}', '{"a b",NULL,""}', '{"\\x00ff"}', '[1,5)', '[2024-01-01,)', '(1,2.5)', '101', '1', 26, '7', 'glad',
		'(1,"x y")', 5, 'a:1 b:2', '<a/>', '{sad,glad}')`,
	`INSERT INTO zoo VALUES (2, false, 0, 0, 0, 'NaN', 'Infinity', 'NaN', 0, '', '', '', '', '', '', 'infinity', '24:00', '00:00-12', '-infinity', 'infinity', '0', '00000000-0000-0000-0000-000000000000',
		'null', '[]', '::1', '::/0', '00:00:00:00:00:00', '{}', '{}', '{}', 'empty', 'empty', '(0,0)', '000', '', 0, '0', 'sad', '(,)', 1, '', '', '{}')`,
	`INSERT INTO zoo (id) VALUES (3)`,
	`INSERT INTO zoo (id, da, ts, tt, nu, by) VALUES (4, '0044-03-15 BC', '20000-01-01', '1900-01-01 00:00:00+00', 1e10, NULL)`,
}

var mysqlZoo = []string{
	`CREATE TABLE zoo (id INT PRIMARY KEY, bo BOOLEAN, t1 TINYINT, u1 TINYINT UNSIGNED, i2 SMALLINT, i3 MEDIUMINT, i4 INT, u4 INT UNSIGNED, i8 BIGINT, u8 BIGINT UNSIGNED, z INT(6) ZEROFILL,
		f4 FLOAT, f8 DOUBLE, de DECIMAL(20,5), bi BIT(9), da DATE, dt DATETIME, d6 DATETIME(6), ts TIMESTAMP(6) NULL, ti TIME(3), ye YEAR, ch CHAR(5), vc VARCHAR(20), bn BINARY(4), vb VARBINARY(9),
		te TEXT, lt LONGTEXT, bl BLOB, tb TINYBLOB, en ENUM('a','b'), se SET('x','y','z'), js JSON, po POINT, uu UUID, ip INET6, la VARCHAR(9) CHARACTER SET latin1)`,
	`INSERT INTO zoo VALUES (1, true, -5, 250, -300, 70000, -70000, 4000000000, -9223372036854775808, 18446744073709551615, 42, 1.25, 1e-300, 12345.67890, b'100000001', '2024-05-06', '2024-05-06 07:08:09',
		'2024-05-06 07:08:09.123456', '2024-05-06 07:08:09.123456', '-07:08:09.123', 2024, 'ch', 'varchär', 'ab', x'0001ff', 'text', 'long', x'0001ff', 'tiny', 'b', 'x,z', '{"a": [1, null]}',
		POINT(1, 2.5), '8c6e9a1e-7a53-4c52-9e0f-6f3f0a1b2c3d', '::1', 'ä')`,
	`INSERT INTO zoo VALUES (2, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00', NULL, '00:00:00', 0, '', '', '', '', '', '', '', '', 'a', '', '[]',
		POINT(0, 0), '00000000-0000-0000-0000-000000000000', '::', '')`,
	`INSERT INTO zoo (id) VALUES (3)`,
	`INSERT INTO zoo (id, u8, f4, da) VALUES (4, 9223372036854775808, 16777217, '9999-12-31')`,
}

// paths are the ways on which a query can reach a driver. Each has a text of
// its own, so that no path finds what another has stored.
var paths = []struct {
	name string
	read func(p *proof) (*sql.Rows, error)
}{
	{"query", func(p *proof) (*sql.Rows, error) { return p.db.Query("SELECT * FROM zoo ORDER BY id LIMIT 101") }},
	{"query with arguments", func(p *proof) (*sql.Rows, error) {
		return p.db.Query(p.q("SELECT * FROM zoo WHERE id > ? ORDER BY id LIMIT 102"), 0)
	}},
	{"prepared", func(p *proof) (*sql.Rows, error) { return p.prepared("SELECT * FROM zoo ORDER BY id LIMIT 103") }},
	{"prepared with arguments", func(p *proof) (*sql.Rows, error) {
		return p.prepared("SELECT * FROM zoo WHERE id > ? ORDER BY id LIMIT 104", 0)
	}},
	{"one row", func(p *proof) (*sql.Rows, error) { return p.db.Query("SELECT * FROM zoo WHERE id = 2") }},
	{"no rows", func(p *proof) (*sql.Rows, error) { return p.db.Query("SELECT * FROM zoo WHERE id < 0") }},
}

func (p *proof) prepared(query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.db.Prepare(p.q(query))
	if err != nil {
		return nil, err
	}
	p.t.Cleanup(func() { stmt.Close() })
	return stmt.Query(args...)
}

// all notes everything that rows tell.
func (p *proof) all(rows *sql.Rows, err error) {
	p.t.Helper()
	if !p.ok("query", err) {
		p.t.Errorf("query: %v", err)
		return
	}
	p.columnTypes("before", rows)
	names, err := rows.Columns()
	p.ok("columns", err)
	for rows.Next() {
		row := make([]any, len(names))
		for i := range row {
			row[i] = new(any)
		}
		p.ok("scan", rows.Scan(row...))
		for i, v := range row {
			p.note("value of "+names[i], *v.(*any))
		}
		p.columnTypes("at the row", rows)
	}
	p.note("end", rows.Err(), rows.Close())
}

// TestValuesAreTheDrivers reads a table of every type in each way: from the
// plain driver, on a miss, on a hit, and as a result that is too large to be
// kept, which is replayed in part.
func TestValuesAreTheDrivers(t *testing.T) {
	t.Parallel()
	for _, z := range zoos() {
		t.Run(z.dialect, func(t *testing.T) {
			t.Parallel()
			dsn := z.dsn(t)
			setup := connect(t, z.driver, dsn)
			for _, statement := range z.create {
				setup.MustExec(statement)
			}
			if err := setup.Close(); err != nil {
				t.Fatal(err)
			}
			for _, mode := range z.modes {
				t.Run(mode, func(t *testing.T) { compareValues(t, z.engine, withParams(dsn, mode)) })
			}
		})
	}
}

func withParams(dsn, params string) string {
	switch {
	case params == "":
		return dsn
	case strings.Contains(dsn, "?"):
		return dsn + "&" + params
	}
	return dsn + "?" + params
}

func compareValues(t *testing.T, e engine, dsn string) {
	t.Helper()
	open := func(opts ...livesql.Option) *livesql.DB {
		live, _ := testdb.Scripted(t, e.dialect, dialectConnector(t, e.dialect, dsn), testdb.Tables("zoo"), testdb.Options(calm(opts...)...))
		return live
	}
	plainDB := connect(t, e.driver, dsn)
	t.Cleanup(func() { plainDB.Close() })
	kept := open()
	streamed := open(livesql.ResultBytes(4 << 10)) // holds a part of the rows
	evicting := open(livesql.ForcedEviction())
	for _, path := range paths {
		read := func(db *sqlx.DB) []string {
			p := &proof{t: t, db: db, engine: e}
			p.all(path.read(p))
			return p.notes
		}
		want := read(plainDB)
		for _, side := range []struct {
			name       string
			db         *livesql.DB
			hits, kept uint64
		}{
			{"a miss", kept, 0, 1},
			{"a hit", kept, 1, 0},
			{"a second hit", kept, 1, 0},
			{"a large result", streamed, 0, 0},
			{"an evicted entry", evicting, 0, 1},
			{"an evicted entry, again", evicting, 0, 1},
		} {
			var before, after cache.Stats
			for range 3 { // on a busy machine a lease may end meanwhile
				before = side.db.CacheStats()
				got := read(sqlx.NewDb(side.db.DB, e.bind))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s (-plain +livesql):\n%s", path.name, side.name, diff)
				}
				if after = side.db.CacheStats(); after.Rejected[cache.Outdated] == before.Rejected[cache.Outdated] {
					break
				}
			}
			if side.db == streamed {
				if path.name != "no rows" && path.name != "one row" && after.Rejected[cache.TooLarge] == before.Rejected[cache.TooLarge] {
					t.Errorf("%s, %s: it was not too large", path.name, side.name)
				}
				continue
			}
			if after.Hits-before.Hits != side.hits || after.Stores-before.Stores != side.kept {
				t.Errorf("%s, %s: %d hits and %d stores, want %d and %d; bypassed %v, rejected %v", path.name, side.name,
					after.Hits-before.Hits, after.Stores-before.Stores, side.hits, side.kept, after.Bypassed, after.Rejected)
			}
		}
	}
}

// TestPathsAreKeptApart reads one text directly and prepared, in turns: drivers
// with two protocols deliver other types on each.
func TestPathsAreKeptApart(t *testing.T) {
	t.Parallel()
	for _, z := range zoos() {
		t.Run(z.dialect, func(t *testing.T) {
			t.Parallel()
			dsn := z.dsn(t)
			plainDB := connect(t, z.driver, dsn)
			defer plainDB.Close()
			for _, statement := range z.create {
				plainDB.MustExec(statement)
			}
			live, _ := testdb.Scripted(t, z.dialect, dialectConnector(t, z.dialect, dsn), testdb.Tables("zoo"), testdb.Options(calm()...))
			const text = "SELECT * FROM zoo ORDER BY id"
			read := func(db *sqlx.DB, prepared bool) []string {
				p := &proof{t: t, db: db, engine: z.engine}
				if prepared {
					p.all(p.prepared(text))
				} else {
					p.all(p.db.Query(text))
				}
				return p.notes
			}
			want := map[bool][]string{true: read(plainDB, true), false: read(plainDB, false)}
			if differ := !cmp.Equal(want[true], want[false]); differ != (z.dialect == "mysql") {
				t.Errorf("the paths differ: %v; the test proves nothing", differ)
			}
			for _, prepared := range []bool{false, true, false, true, true, false} {
				if diff := cmp.Diff(want[prepared], read(sqlx.NewDb(live.DB, z.bind), prepared)); diff != "" {
					t.Errorf("prepared %v (-plain +livesql):\n%s", prepared, diff)
				}
			}
			if s := live.CacheStats(); s.Hits != 4 || s.Stores != 2 {
				t.Errorf("%d hits and %d stores, want 4 and 2", s.Hits, s.Stores)
			}
		})
	}
}

// TestZooHoldsEveryType guards the tests above: a table without rows of odd
// types would prove nothing.
func TestZooHoldsEveryType(t *testing.T) {
	t.Parallel()
	for _, z := range zoos() {
		t.Run(z.dialect, func(t *testing.T) {
			t.Parallel()
			db := connect(t, z.driver, z.dsn(t))
			defer db.Close()
			for _, statement := range z.create {
				db.MustExec(statement)
			}
			rows, err := db.Queryx("SELECT * FROM zoo ORDER BY id")
			if err != nil {
				t.Fatal(err)
			}
			types := map[reflect.Type]int{}
			for rows.Next() {
				row, err := rows.SliceScan()
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range row {
					types[reflect.TypeOf(v)]++
				}
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
			want := map[string][]string{
				"sqlite":   {"int64", "float64", "string", "[]uint8", "time.Time"},
				"postgres": {"int64", "float64", "bool", "string", "[]uint8", "time.Time"},
				"pgx":      {"int64", "float64", "bool", "string", "[]uint8", "time.Time"},
				"mysql":    {"int64", "float64", "float32", "uint64", "[]uint8"},
			}
			if types[nil] == 0 {
				t.Error("no NULL")
			}
			for _, name := range want[z.dialect] {
				found := false
				for typ := range types {
					found = found || typ != nil && typ.String() == name
				}
				if !found {
					t.Errorf("no value of type %s among %v", name, types)
				}
			}
		})
	}
}
