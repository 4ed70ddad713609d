package sqlstore_test

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// lookout is a store that remembers which rows came back.
type lookout struct {
	*sqlstore.Store
	mu       sync.Mutex
	outcomes []edit.Outcome
}

func (s *lookout) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	outcomes := s.Store.Apply(ctx, ops)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes = append(s.outcomes, outcomes...)
	return outcomes
}

// inferred returns how many of the rows since the last call were not read.
func (s *lookout) inferred() (inferred, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.outcomes {
		if o.State == edit.Done {
			all++
			if o.Inferred {
				inferred++
			}
		}
	}
	s.outcomes = nil
	return inferred, all
}

// watch gives the bench a writer whose outcomes are watched.
func (b *bench) watch(opts ...edit.Option) *lookout {
	b.Helper()
	s := &lookout{Store: b.store}
	b.writer = edit.NewWriter(s, opts...)
	b.Cleanup(func() { _ = b.writer.Close() })
	b.bakeries = editorOf[int64, bakery](b, "bakery")
	return s
}

// come is which rows come back.
type come int

const (
	none come = iota
	all
	some // by their values
)

// matches reports whether of so many rows so many were inferred.
func (c come) matches(inferred, rows int) bool {
	switch c {
	case none:
		return inferred == rows
	case all:
		return inferred == 0
	default:
		return true
	}
}

// determination is a table with a row, of which some columns are written.
type determination struct {
	name  string
	back  come
	ddl   []string // makes the table thing (id, v, version)
	test  func(t *testing.T, b *bench, back come)
	alone func(t *testing.T, b *bench, back come) // the same with one row only, where values must be unique
	wrap  func(sqldriver.Connector) sqldriver.Connector
}

// writing writes values of a Go type into a column.
func writing[T any](back come, column string, values ...T) determination {
	d := determination{
		name: fmt.Sprintf("%s %T", column, *new(T)), back: back,
		ddl: []string{"CREATE TABLE thing (id BIGINT PRIMARY KEY, v " + column + ", version BIGINT NOT NULL)"},
	}
	d.test = func(t *testing.T, b *bench, back come) {
		t.Helper()
		writeValues(t, b, back, 40, values)
	}
	d.alone = func(t *testing.T, b *bench, back come) {
		t.Helper()
		writeValues(t, b, back, 1, values)
	}
	return d
}

// on is another table for the same values.
func (d determination) on(name string, ddl ...string) determination {
	d.name, d.ddl = name, ddl
	return d
}

func (d determination) single() determination {
	d.test = d.alone
	return d
}

// writeValues saves each value, alone and with many others, and reads what the
// database has made of it: that must be what the save has returned.
func writeValues[T any](t *testing.T, b *bench, back come, rows int, values []T) {
	t.Helper()
	type thing struct {
		ID      int64 `db:"id,pk"`
		V       T     `db:"v"`
		Version int64 `db:"version,version"`
	}
	ctx := context.Background()
	s := b.watch(edit.Linger(time.Millisecond))
	things := editorOf[int64, thing](b, "thing")
	var edits []*edit.RecordEdit[int64, thing]
	for i := range rows {
		e := things.New(thing{ID: int64(i + 1), V: values[(i+1)%len(values)]})
		t.Cleanup(func() { _ = e.Close() })
		e.SaveAsync()
		edits = append(edits, e)
	}
	if err := b.writer.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	s.inferred()
	check := func(i int, r edit.Result[int64, thing], err error) {
		t.Helper()
		if r.Kind != edit.Saved && r.Kind != edit.Unchanged {
			t.Fatalf("%v: %v, %v", edits[i].V.V, r.Kind, err)
		}
		read := must[any](t)(s.Read(ctx, things.Table(), []any{int64(i + 1)})).(*thing)
		if !alike(*read, r.Row) {
			t.Errorf("the result is %+v, and the row %+v", r.Row, *read)
		}
		if fields := edits[i].Modified(); len(fields) > 0 {
			t.Errorf("modified after the save: %v", fields)
		}
	}
	for n, v := range values {
		i := min(n, rows-1)
		edits[i].V.V = v
		r, err := edits[i].Save(ctx)
		check(i, r, err)
		if inferred, rows := s.inferred(); !back.matches(inferred, rows) || rows != 1 {
			t.Errorf("%v: of %d rows %d did not come back", v, rows, inferred)
		}
	}
	if rows == 1 {
		return
	}
	for n, v := range values {
		var saves []*edit.Pending[int64, thing]
		for i, e := range edits {
			e.V.V = v
			if i == n { // the same as it is
				e.V.V = values[(n+1)%len(values)]
			}
			saves = append(saves, e.SaveAsync())
		}
		for i, p := range saves {
			r, err := p.Wait(ctx)
			check(i, r, err)
		}
		if inferred, rows := s.inferred(); !back.matches(inferred, rows) {
			t.Errorf("%v: of %d rows %d did not come back", v, rows, inferred)
		}
	}
}

// alike compares rows, in which NaN is NaN.
func alike(a, b any) bool { return reflect.DeepEqual(a, b) || fmt.Sprint(a) == fmt.Sprint(b) }

// wholeTable is a table of which a column is written that says nothing of the
// others.
func wholeTable(back come, ddl ...string) determination {
	d := writing(back, "", "AB", "CD").on("a column of the database's own", ddl...)
	d.test = func(t *testing.T, b *bench, back come) {
		t.Helper()
		type thing struct {
			ID      int64   `db:"id,pk"`
			V       string  `db:"v"`
			Low     *string `db:"low,readonly"`
			Version int64   `db:"version,version"`
		}
		ctx := context.Background()
		s := b.watch()
		things := editorOf[int64, thing](b, "thing")
		e := things.New(thing{ID: 1, V: "AB"})
		defer e.Close()
		_, _ = e.Save(ctx)
		s.inferred()
		for _, v := range []string{"CD", "EF"} {
			e.V.V = v
			r, err := e.Save(ctx)
			if err != nil || r.Row.Low == nil && back == all || r.Row.Low != nil && *r.Row.Low != strings.ToLower(v) {
				t.Errorf("result is %+v, %v", r, err)
			}
			if inferred, rows := s.inferred(); !back.matches(inferred, rows) || rows != 1 {
				t.Errorf("%v: of %d rows %d did not come back", v, rows, inferred)
			}
		}
	}
	return d
}

// untyped writes values of a column into rows that are maps.
func untyped(back come, column string, values ...any) determination {
	d := writing(back, column, 0, 0)
	d.name = column + " untyped"
	d.test = func(t *testing.T, b *bench, back come) {
		t.Helper()
		ctx := context.Background()
		s := b.watch()
		b.exec("INSERT INTO thing (id, v, version) VALUES (1, NULL, 1)")
		things := editorOf[int64, edit.Record](b, "thing", edit.VersionColumn("version"))
		e := must[*edit.RecordEdit[int64, edit.Record]](t)(things.Edit(ctx, 1))
		defer e.Close()
		for i, v := range values {
			e.V["v"] = v
			r, err := e.Save(ctx)
			if err != nil {
				t.Fatal(err)
			}
			read := must[any](t)(s.Read(ctx, things.Table(), []any{int64(1)})).(*edit.Record)
			if !reflect.DeepEqual(*read, r.Row) {
				t.Errorf("the result is %#v, and the row %#v", r.Row, *read)
			}
			if inferred, rows := s.inferred(); i > 0 && !back.matches(inferred, rows) {
				t.Errorf("%v: of %d rows %d did not come back", v, rows, inferred)
			}
		}
	}
	return d
}

const (
	plainTable = "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL)"
	lowering   = "CREATE FUNCTION low() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v = lower(NEW.v); RETURN NEW; END'"
)

var postgresDeterminations = []determination{
	writing[int64](none, "bigint", math.MaxInt64, math.MinInt64), writing[int16](none, "smallint", 7, -1), writing(none, "integer", 1, 2),
	writing[uint8](none, "integer", 1, 255), writing[*int64](none, "bigint", pointer[int64](5), nil, pointer[int64](0)),
	writing(none, "boolean", true, false), writing(none, "text", "a ", "ü☃\n", "", "a'b\"c\\d,{}", "NULL"),
	writing(none, "varchar(20)", "A", "ü"), writing(all, "varchar(3)", "abc  ", "ab   "), writing[*string](none, "text", nil, pointer(""), pointer("x ")),
	writing(none, "bytea", []byte{}, []byte{0, 255, '\\'}, nil), writing(none, "double precision", 0.1, math.Inf(-1), math.NaN(), math.MaxFloat64),
	writing(none, "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"),
	writing(all, "uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "{b0eebc999c0b4ef8bb6d6bb9bd380a11}"),
	writing(all, "char(5)", "ab", "abcde"), writing(all, "numeric(12,2)", "1.005", "-1.5"), writing(all, "numeric(12,2)", 0.1, 2.675),
	writing(all, "real", 0.1, 1e30), writing(all, "smallint", 1.0, 2.0), writing(all, "bigint", "007", " 8"),
	writing(all, "timestamptz", morning, odd), writing(all, "timestamp(0)", odd, morning), writing(all, "date", morning, odd.AddDate(0, 0, 1)),
	writing(all, "jsonb", `{"b":1,"a":2}`, `[1, 2]`), writing(all, "bytea", `\x41`, "b"), writing(all, "money", "$1.5", "2"),
	writing(all, "folded", "AB", "cd").on("a domain", "CREATE DOMAIN folded AS char(5)",
		"CREATE TABLE thing (id BIGINT PRIMARY KEY, v folded, version BIGINT NOT NULL)"),
	writing(all, "", "AB", "CD").on("a trigger", plainTable, lowering, "CREATE TRIGGER low BEFORE UPDATE ON thing FOR EACH ROW EXECUTE FUNCTION low()"),
	writing(none, "", "AB", "CD").on("a trigger of inserts", plainTable, lowering, "CREATE TRIGGER low BEFORE INSERT ON thing FOR EACH ROW EXECUTE FUNCTION low()"),
	writing(none, "", "AB", "CD").on("a trigger for a feed", plainTable, "CREATE SCHEMA livesql",
		"CREATE FUNCTION livesql.capture() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
		"CREATE TRIGGER livesql_u AFTER UPDATE ON thing FOR EACH STATEMENT EXECUTE FUNCTION livesql.capture()"),
	writing(all, "", "AB", "CD").on("a trigger that may do anything", plainTable,
		"CREATE FUNCTION anything() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
		"CREATE TRIGGER later AFTER UPDATE ON thing FOR EACH STATEMENT EXECUTE FUNCTION anything()"),
	writing(all, "", "AB", "CD").on("a rule", plainTable, "CREATE TABLE noted (id BIGINT)", "CREATE RULE note AS ON UPDATE TO thing DO ALSO INSERT INTO noted VALUES (NEW.id)"),
	writing(all, "", "AB", "CD").on("a view", strings.ReplaceAll(plainTable, "thing", "held"), "CREATE VIEW thing AS SELECT * FROM held"),
	writing(all, "", "AB", "CD").on("partitions", plainTable+" PARTITION BY RANGE (id)", "CREATE TABLE part PARTITION OF thing FOR VALUES FROM (0) TO (100)"),
	writing(all, "", "AB", "CD").on("a child", plainTable, "CREATE TABLE child () INHERITS (thing)"),
	writing(all, "", "AB", "CD").on("no primary key", "CREATE TABLE thing (id BIGINT, v VARCHAR(20), version BIGINT NOT NULL)"),
	writing(all, "", "AB", "CD").on("a foreign key that follows", "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL, UNIQUE (version, id))",
		"CREATE TABLE follower (id BIGINT, version BIGINT, FOREIGN KEY (version, id) REFERENCES thing (version, id) ON UPDATE CASCADE)"),
	writing(none, "", "AB", "CD").on("foreign keys", plainTable, "CREATE TABLE follower (id BIGINT REFERENCES thing ON UPDATE CASCADE)",
		"ALTER TABLE thing ADD FOREIGN KEY (id) REFERENCES thing"),
	writing(none, "", "AB", "CD").on("a counter that is small", "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version SMALLINT NOT NULL)"),
	writing(all, "", "AB", "CD").on("a counter that is none", "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version NUMERIC NOT NULL)"),
	wholeTable(all, "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL, low VARCHAR(20) GENERATED ALWAYS AS (lower(v)) STORED)"),
	wholeTable(none, "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL, low VARCHAR(20))"),
	untyped(none, "bigint", int64(1), int64(2), nil), untyped(none, "text", "a", "b"), untyped(all, "bigint", 1, 2), untyped(all, "numeric", "1", "2.0"),
}

var mariadbDeterminations = []determination{
	writing(all, "varchar(20)", "A", "b "), writing(all, "char(5)", "ab  ", "abcde"), writing(all, "decimal(12,2)", "1.005", "2"),
	writing(all, "datetime", odd, morning), writing(all, "int", 5, 6),
	writing(all, "", "AB", "CD").on("on update", "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL, at TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6))"),
	writing(all, "", "AB", "CD").on("a trigger", plainTable, "CREATE TRIGGER low BEFORE UPDATE ON thing FOR EACH ROW SET NEW.v = LOWER(NEW.v)"),
	wholeTable(all, "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL, low VARCHAR(20) GENERATED ALWAYS AS (lower(v)) STORED)"),
	untyped(all, "BIGINT", int64(1), int64(2), nil),
	writing(all, "SMALLINT", 70000, -70000, 5).lax(), writing(all, "VARCHAR(3)", "longer", "b").lax(),
}

// lax has the server keep less than it is sent, without an error.
func (d determination) lax() determination {
	d.name += " lax"
	d.wrap = func(c sqldriver.Connector) sqldriver.Connector { return lax{c} }
	return d
}

// lax makes connections that are not in strict mode.
type lax struct{ sqldriver.Connector }

func (l lax) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c, err := l.Connector.Connect(ctx)
	if err == nil {
		_, err = c.(sqldriver.ExecerContext).ExecContext(ctx, "SET SESSION sql_mode = ''", nil)
	}
	return c, err
}

var sqliteDeterminations = []determination{
	writing[int64](none, "INTEGER", math.MaxInt64, math.MinInt64), writing(none, "BIGINT", 1, 2), writing[*int64](none, "INT", pointer[int64](5), nil),
	writing(none, "BOOLEAN", true, false), writing(none, "TEXT", "a ", "ü☃\n", "", "1.50"), writing(none, "VARCHAR(3)", "longer", "b"),
	writing[*string](none, "TEXT", nil, pointer("x")), writing(none, "BLOB", []byte{0, 255}, []byte("a")), writing(some, "BLOB", []byte{}, []byte{1}),
	writing(none, "REAL", 0.1, math.Inf(1), 2.0), writing(some, "REAL", math.Copysign(0, -1), 1.5),
	writing(all, "NUMERIC", "1.50", "x"), writing(all, "DECIMAL(12,2)", 1.5, 2.0), writing(all, "INTEGER", "007", "x"), writing(all, "TEXT", 5, 6),
	writing(all, "INTEGER", 2.0, 2.5), writing(all, "DATETIME", morning, odd), writing(all, "TEXT", "a\xff", "b\xfe"), writing(some, "TEXT", "a\x00b", "c"),
	writing(some, "TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'none'", pointer("x"), nil).on("null is replaced",
		"CREATE TABLE thing (id BIGINT PRIMARY KEY, v TEXT NOT NULL ON CONFLICT REPLACE DEFAULT 'none', version BIGINT NOT NULL)", "CREATE VIEW other AS SELECT 1"),
	writing(all, "", "AB", "CD").on("a trigger", plainTable,
		"CREATE TRIGGER low AFTER UPDATE ON thing BEGIN UPDATE thing SET v = lower(v) WHERE id = NEW.id; END"),
	writing(none, "", "AB", "CD").on("a trigger for a feed", plainTable, "CREATE TABLE livesql_log (id INTEGER)",
		"CREATE TRIGGER livesql_on_thing AFTER UPDATE ON thing BEGIN INSERT INTO livesql_log VALUES (NEW.id); END"),
	writing(all, "", "AB", "CD").on("a foreign key that follows", "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20) UNIQUE, version BIGINT NOT NULL)",
		"CREATE TABLE follower (v VARCHAR(20) REFERENCES thing (v) ON UPDATE CASCADE)").single(),
	writing(none, "", "AB", "CD").on("foreign keys", plainTable, "CREATE TABLE follower (id BIGINT REFERENCES thing ON UPDATE CASCADE)"),
	writing(none, "", "AB", "CD").on("no rowid", plainTable+" WITHOUT ROWID"),
	wholeTable(all, "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL, low VARCHAR(20) GENERATED ALWAYS AS (lower(v)) STORED)"),
	wholeTable(none, "CREATE TABLE thing (id BIGINT PRIMARY KEY, v VARCHAR(20), version BIGINT NOT NULL, low VARCHAR(20))"),
	untyped(none, "BIGINT", int64(1), int64(2), nil), untyped(none, "TEXT", "a", "b"), untyped(all, "BIGINT", 1, 2),
	writing(none, "", "AB", "CD").on("strict", "CREATE TABLE thing (id INTEGER PRIMARY KEY, v TEXT, version INTEGER NOT NULL) STRICT"),
}

// TestDetermined tries what a store takes for determined, and what it must not.
func TestDetermined(t *testing.T) {
	t.Parallel()
	tables := map[string][]determination{
		"postgres": postgresDeterminations, "pgx": postgresDeterminations, "mariadb": mariadbDeterminations, "sqlite": sqliteDeterminations,
	}
	for _, k := range kits {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			k = k.counted()
			shared := k.start(t, nil)
			for i, d := range tables[k.name] {
				t.Run(fmt.Sprint(i, " ", d.name), func(t *testing.T) {
					b := shared
					if len(d.ddl) > 1 || d.wrap != nil {
						t.Parallel()
						b = k.start(t, d.wrap)
					}
					b.exec(d.ddl...)
					d.test(t, b, d.back)
					if b == shared {
						b.exec("DROP TABLE thing")
					}
				})
			}
		})
	}
}
