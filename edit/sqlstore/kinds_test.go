package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// kind is a type of column with values of a Go type, of which each is not the
// same as the one before.
type kind struct {
	column string
	kits   []string // all if empty
	test   func(t *testing.T, b *bench, column string)
}

func of[T any](column string, values ...T) kind {
	return kind{column: column, test: func(t *testing.T, b *bench, column string) {
		t.Helper()
		testKind(t, b, column, values)
	}}
}

func (k kind) on(kits ...string) kind {
	k.kits = kits
	return k
}

// kindRow is a row with a value. Each type of rows is seconds of compiling.
type kindRow[T any] struct {
	ID   int64  `db:"id,pk"`
	V    T      `db:"v"`
	Note string `db:"note"`
}

// testKind checks with a table of one such column: what is loaded is clean,
// what is saved is clean and comes back as the same, and who writes what is
// there already is in conflict with nobody.
func testKind[T any](t *testing.T, b *bench, column string, values []T) {
	t.Helper()
	ctx := context.Background()
	type row = kindRow[T]
	b.exec("CREATE TABLE kind (id SERIAL_KEY, v "+column+" NULL, note VARCHAR(20) NOT NULL DEFAULT '', version INTEGER NOT NULL DEFAULT 1)",
		"INSERT INTO kind (id, note) VALUES (1000, 'of others')")
	typed := editorOf[int64, row](b, "kind")
	untyped := editorOf[int64, edit.Record](b, "kind")
	clean := func(what string, fields []string) {
		t.Helper()
		if len(fields) > 0 {
			t.Fatalf("%s: modified %v", what, fields)
		}
	}
	save := func(what string, e *edit.RecordEdit[int64, row]) {
		t.Helper()
		if _, err := e.Save(ctx); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		clean(what, e.Modified())
	}
	open := func(id int64) *edit.RecordEdit[int64, row] {
		t.Helper()
		e := must[*edit.RecordEdit[int64, row]](t)(typed.Edit(ctx, id))
		t.Cleanup(func() { _ = e.Close() })
		clean("loaded", e.Modified())
		return e
	}
	first := typed.New(row{V: values[0], Note: "new"})
	defer first.Close()
	save("inserted", first)
	id := first.ID()
	for i, v := range append(slices.Clone(values[1:]), values[0]) {
		a, other := open(id), open(id)
		a.V.V = v
		save(fmt.Sprintf("updated to value %d", i), a)
		again := open(id)
		again.V.V = v
		clean("what was saved, typed again", again.Modified())
		other.V.V = v
		save("the same as others did", other)
		other.V.Note = fmt.Sprint(i)
		save("another column", other)
	}
	r := must[*edit.RecordEdit[int64, edit.Record]](t)(untyped.Edit(ctx, id))
	defer r.Close()
	clean("loaded untyped", r.Modified())
	r.V["note"] = "untyped"
	if _, err := r.Save(ctx); err != nil {
		t.Fatalf("saved untyped: %v", err)
	}
	clean("saved untyped", r.Modified())
	held := r.V["v"]
	r.V["v"] = nil
	if _, err := r.Save(ctx); err != nil {
		t.Fatalf("NULL: %v", err)
	}
	clean("NULL", r.Modified())
	r.V["v"] = held
	if _, err := r.Save(ctx); err != nil {
		t.Fatalf("saved what was loaded: %v", err)
	}
	clean("saved what was loaded", r.Modified())
	last := open(id)
	last.V.V = values[0]
	clean("written untyped, typed again", last.Modified())
	if _, err := last.Delete(ctx); err != nil {
		t.Fatalf("deleted: %v", err)
	}
	testKindTogether[T](t, b, values, true)
	testKindTogether[T](t, b, values, false)
}

// testKindTogether saves many values with one statement: with a version it
// compares nothing else, without one the values.
func testKindTogether[T any](t *testing.T, b *bench, values []T, versioned bool) {
	t.Helper()
	w := edit.NewWriter(b.store, edit.Linger(time.Millisecond))
	defer func() { _ = w.Close() }()
	var open func() (set func(v T), save func() error)
	if versioned {
		type row struct {
			ID      int64 `db:"id,pk"`
			V       T     `db:"v"`
			Version int   `db:"version,version"`
		}
		open = together[row](t, b, w, func(r *row, v T) { r.V = v })
	} else {
		open = together[kindRow[T]](t, b, w, func(r *kindRow[T], v T) { r.V = v })
	}
	const rows = 5
	var sets []func(v T)
	var saves []func() error
	for range rows {
		set, save := open()
		sets, saves = append(sets, set), append(saves, save)
	}
	for round := range 4 { // the first inserts
		for i, set := range sets {
			set(values[(i+round)%len(values)])
		}
		var wait sync.WaitGroup
		failed := make([]error, rows)
		for i, save := range saves {
			wait.Go(func() { failed[i] = save() })
		}
		wait.Wait()
		if err := errors.Join(failed...); err != nil {
			t.Fatalf("saved together (version: %t): %v", versioned, err)
		}
	}
}

// together opens sessions on new rows of a type, for each of which it returns how
// a value is set and saved. What was saved must be clean.
func together[R, T any](t *testing.T, b *bench, w *edit.Writer, assign func(r *R, v T)) func() (func(v T), func() error) {
	t.Helper()
	table := must[*edit.Table](t)(sqlstore.Table[R](context.Background(), b.store, "", "kind"))
	editor := must[*edit.Editor[int64, R]](t)(edit.NewEditor[int64, R](w, table))
	return func() (func(v T), func() error) {
		var zero R
		e := editor.New(zero)
		t.Cleanup(func() { _ = e.Close() })
		return func(v T) { assign(&e.V, v) }, func() error {
			_, err := e.Save(context.Background())
			if fields := e.Modified(); err == nil && len(fields) > 0 {
				err = fmt.Errorf("modified after the save: %v", fields)
			}
			return err
		}
	}
}

var (
	morning = time.Date(2026, 3, 29, 2, 30, 0, 123456000, time.UTC)
	odd     = time.Date(2026, 3, 29, 2, 30, 0, 600000789, time.FixedZone("odd", 3*3600+1800))
	day     = time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC)
)

var postgresKinds = []kind{
	of[int16]("smallint", 1, math.MinInt16), of[int32]("integer", 1, math.MaxInt32), of[int64]("bigint", 1, math.MinInt64),
	of[*int64]("bigint", nil, pointer[int64](0)),
	of[float32]("real", 0.1, float32(math.Inf(-1)), float32(math.NaN()), 16777216), of("real", 0.1, 1e30),
	of("double precision", 0.1, math.NaN(), math.Inf(1), math.MaxFloat64, math.SmallestNonzeroFloat64),
	of("numeric", "1.50", "NaN", "123456789012345678901234567890.123456789", "0"), of("numeric(12,2)", "1.005", "-1.5", "0"),
	of("numeric(12,2)", 0.1, 2.675),
	of("money", "$1,234.50", "-$0.01"),
	of("text", "", "a'b\"c\\d,{}", "ü\u2603\n\t", "NULL"), of[*string]("text", nil, pointer("")),
	of[sql.NullString]("varchar(10)", sql.NullString{}, sql.NullString{String: "0123456789", Valid: true}),
	of("char(5)", "ab", "abcde"), of(`"char"`, "a", "b"), of("name", "x", "y"),
	of("bytea", []byte{}, []byte{0, 1, 255, '\\'}, []byte(nil)),
	of("boolean", true, false), of[*bool]("boolean", nil, pointer(false)),
	of("date", day, day.AddDate(-100, 0, 1)), of("date", morning, odd.AddDate(0, 0, 1)),
	of("timestamp", morning, odd), of("timestamp(0)", odd, morning), of("timestamptz", morning, odd, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)),
	of("timestamptz(0)", odd, morning), of("timestamptz(3)", morning, odd), of[*time.Time]("timestamptz", nil, &odd),
	of("time", time.Date(0, 1, 1, 23, 59, 59, 123456000, time.UTC), time.Date(0, 1, 1, 0, 0, 1, 0, time.UTC)).on("postgres"),
	of("time", "23:59:59.123456", "00:00:01").on("pgx"),
	of("interval", "1 day 02:00:00", "-00:00:01"),
	of("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "00000000-0000-0000-0000-000000000000"),
	of("json", `{"b":1, "a":2}`, `[1,  2]`), of("jsonb", `{"b": 1, "a": [1, 2.0]}`, `{"a":1,"a":2}`, `"x"`, "null"),
	of("jsonb", []byte(`{"b":1,"a":2}`), []byte(`[]`)), of("xml", "<a>b</a>", "<c/>"),
	of("inet", "10.0.0.1", "::1"), of("cidr", "10.0.0.0/8", "192.168.0.0/16"), of("macaddr", "08:00:2b:01:02:03", "08:00:2b:01:02:04"),
	of("bit(3)", "101", "010"), of("varbit(8)", "1", "01"), of("int4range", "[1,5)", "empty"), of("point", "(1,2)", "(3,4)"),
	of("tsvector", "'a':1 'b'", "'c'"), of("oid", int64(1), int64(4294967295)),
	of("text[]", pq.StringArray{"a", `b"c\d`, ""}, pq.StringArray{}, nil), of("bigint[]", pq.Int64Array{1, -2}, pq.Int64Array{3}),
	of("mood", "happy", "sad"), of("posint", int64(1), int64(2)),
}

var mariadbKinds = []kind{
	of[int8]("tinyint", 1, -128), of("tinyint(1)", true, false), of[int16]("smallint", 1, math.MinInt16), of[int32]("mediumint", 1, -8388608),
	of[int32]("int", 1, math.MaxInt32), of[int64]("bigint", 1, math.MinInt64), of[uint64]("bigint unsigned", 1, math.MaxUint64),
	of[*int64]("bigint", nil, pointer[int64](0)), of("year", 2026, 1999),
	of[float32]("float", 0.1, 1e30), of("float", 0.1, 2.5), of("double", 0.1, math.MaxFloat64),
	of("decimal(12,2)", "1.005", "-1.5", "0"), of("decimal(40,10)", "123456789012345678901234567890.0123456789", "1"), of("decimal(12,2)", 0.1, 2.675),
	of("bit(8)", []byte{5}, []byte{255}),
	of("char(5)", "ab", "abcde"), of("varchar(20)", "", "a ", "a'b\"c\\d", "A'b\"c\\d", "ü\u2603"), of[*string]("varchar(20)", nil, pointer("")),
	of("tinytext", "a", "a "), of("text", "a", "A"), of("mediumtext", "a", "b"), of("longtext", "a", "b"),
	of("binary(4)", []byte{1, 2, 3, 4}, []byte{4, 3, 2, 0}), of("varbinary(8)", []byte{}, []byte{0, 255}, []byte("a "), nil),
	of("tinyblob", []byte{}, []byte{1}), of("blob", []byte{0, '\\', '\''}, []byte{}), of("mediumblob", []byte{1}, []byte{2}), of("longblob", []byte{1}, []byte{2}),
	of("enum('happy','sad')", "happy", "sad"), of("set('a','b')", "a,b", "", "b"),
	of("date", day, day.AddDate(-100, 0, 1)), of("date", morning, morning.AddDate(0, 0, 1)),
	of("datetime", odd, morning), of("datetime(6)", morning, odd), of("datetime(3)", morning, odd), of("timestamp(6)", morning, odd),
	of[*time.Time]("datetime(6)", nil, &odd), of("time", "23:59:59", "-01:00:00"), of("time(6)", "23:59:59.123456", "00:00:00.000001"),
	of("json", `{"b":1, "a":2}`, `[1, 2]`), of("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "00000000-0000-0000-0000-000000000001"),
	of("inet6", "::1", "::ffff:10.0.0.1"),
}

var sqliteKinds = []kind{
	of[int64]("INTEGER", 1, math.MinInt64, math.MaxInt64), of[*int64]("BIGINT", nil, pointer[int64](0)),
	of("REAL", 0.1, math.MaxFloat64, math.Inf(1)), of[float32]("REAL", 0.1, 2.5), of("DOUBLE", 2.0, 0.5),
	of("NUMERIC", "1.50", "x"), of("NUMERIC", 1.5, 2.0), of("DECIMAL(12,2)", "1.005", "0"),
	of("TEXT", "", "a'b", "A'b", "1.50"), of[*string]("VARCHAR(5)", nil, pointer("longer than five")),
	of("BLOB", []byte{}, []byte{0, 255}, nil), of("BOOLEAN", true, false),
	of("DATE", day, day.AddDate(-100, 0, 1)), of("DATETIME", morning, odd), of("TIMESTAMP", morning, odd), of[*time.Time]("TIMESTAMP", nil, &odd),
	of("JSON", `{"b":1, "a":2}`, `[1, 2]`), of("", "x", "y"), of("", int64(5), int64(6)),
}

// TestKinds tries every type of column of every database.
func TestKinds(t *testing.T) {
	t.Parallel()
	kinds := map[string][]kind{"postgres": postgresKinds, "pgx": postgresKinds, "mariadb": mariadbKinds, "sqlite": sqliteKinds}
	for _, k := range allKits() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := k.start(t, nil)
			if k.flavor == dialects.Postgres {
				b.exec("CREATE TYPE mood AS ENUM ('happy', 'sad')", "CREATE DOMAIN posint AS bigint CHECK (VALUE > 0)")
			}
			for i, x := range kinds[k.name] {
				if len(x.kits) > 0 && !slices.Contains(x.kits, k.name) {
					continue
				}
				t.Run(fmt.Sprint(i, " ", x.column), func(t *testing.T) {
					x.test(t, b, x.column)
				})
				b.exec("DROP TABLE kind")
			}
		})
	}
}

// TestDescribe looks at what the catalogue tells.
func TestDescribe(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, b *bench) {
		t.Helper()
		columns, err := sqlstore.Describe(context.Background(), b.db, b.kit.flavor, "", "bakery")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range columns {
			names = append(names, c.Name)
			nullable := c.Name == "city" || b.kit.flavor == dialects.SQLite && c.Name == "id"
			if c.Key != (c.Name == "id") || c.Generated || c.Default != (c.Name == "id" || c.Name == "stock") || c.Nullable != nullable {
				t.Errorf("column is %+v", c)
			}
		}
		if want := []string{"id", "name", "city", "stock", "version"}; !slices.Equal(names, want) {
			t.Errorf("columns are %v", names)
		}
		if _, err := sqlstore.Describe(context.Background(), b.db, b.kit.flavor, "", "nowhere"); err == nil {
			t.Error("a table that does not exist was described")
		}
	})
}
