package livesql_test

import (
	"database/sql"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jmoiron/sqlx"

	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
)

// The drop-in tests run programs that know nothing of livesql on a plain pool
// and on pools of livesql, and compare everything that the programs saw. Each
// program runs twice in a row: the second time, what it reads is in memory.

// TestDropIn runs every program on every engine in every variant.
func TestDropIn(t *testing.T) {
	t.Parallel()
	programs := slices.Concat(sqlxPrograms(), poolPrograms(), valuePrograms())
	for _, e := range engines() {
		t.Run(e.dialect, func(t *testing.T) {
			t.Parallel()
			want := runDropIn(t, e, plain, programs)
			for _, v := range variants(e) {
				t.Run(v.name, func(t *testing.T) {
					t.Parallel()
					got := runDropIn(t, e, v, programs)
					for i, p := range programs {
						if diff := cmp.Diff(want[i], got[i]); diff != "" {
							t.Errorf("%s (-plain +livesql):\n%s", p.name, diff)
						}
					}
				})
			}
		})
	}
}

// program is something that uses a database and notes what it sees.
type program struct {
	name string
	// reads: everything it reads can be answered from memory the second time.
	reads bool
	run   func(p *proof)
}

// proof is what a program can use, and what it saw.
type proof struct {
	t      *testing.T
	db     *sqlx.DB
	engine engine
	notes  []string
}

// another is what differs from run to run in errors: the names of the servers'
// databases.
var another = regexp.MustCompile(`\bt\d+_test\w+`)

// add adds a note.
func (p *proof) add(note string) {
	p.notes = append(p.notes, another.ReplaceAllString(note, "DATABASE"))
}

// note notes values with their types.
func (p *proof) note(what string, values ...any) {
	p.t.Helper()
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = show(reflect.ValueOf(v))
	}
	p.add(what + ": " + strings.Join(texts, ", "))
}

// ok notes an error and reports whether there was none.
func (p *proof) ok(what string, err error) bool {
	p.t.Helper()
	if err != nil {
		p.add(fmt.Sprintf("%s: %T %v", what, err, err))
	}
	return err == nil
}

// q writes placeholders as the engine wants them.
func (p *proof) q(query string) string { return p.db.Rebind(query) }

// runDropIn runs the programs on a fresh database, and returns what each saw.
func runDropIn(t *testing.T, e engine, v variant, programs []program) [][]string {
	t.Helper()
	db, live := v.open(t, e, e.dsn(t))
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, statement := range e.schema {
		db.MustExec(statement)
	}
	if v.ready != nil {
		v.ready(t, live)
	}
	notes := make([][]string, len(programs))
	for i, program := range programs {
		fill(db)
		if v.ready != nil {
			v.ready(t, live) // the report of fill must not come in between
		}
		p := &proof{t: t, db: db, engine: e}
		var first cache.Stats
		if v.hits {
			first = live.CacheStats()
		}
		program.run(p)
		p.note("a second time")
		if !v.hits || !program.reads {
			program.run(p)
		} else {
			p = again(t, live, v, program, p, first)
		}
		notes[i] = p.notes
	}
	if live != nil && !v.hits && live.CacheStats().Hits > 0 {
		t.Errorf("%d hits, want none", live.CacheStats().Hits)
	}
	if live != nil && !v.hits && v.ready == nil && live.Feed().Status().State == listen.Live && live.CacheStats().Stores > 0 {
		t.Error("results were stored without a feed")
	}
	return notes
}

// again runs a program whose reads are all in memory, after what it did the first
// time, which began at first. On a busy machine the lease may end in between, or
// the feed start afresh, which proves nothing: then it runs once more.
func again(t *testing.T, live *livesql.DB, v variant, program program, done *proof, first cache.Stats) *proof {
	t.Helper()
	undisturbed := func(from, to cache.Stats) bool {
		return from.Resets == to.Resets && from.Bypassed[cache.NoLease] == to.Bypassed[cache.NoLease] &&
			from.Rejected[cache.Outdated] == to.Rejected[cache.Outdated] // nobody writes
	}
	for deadline := time.Now().Add(time.Minute); ; v.ready(t, live) {
		p := *done
		p.notes = slices.Clone(done.notes)
		before := live.CacheStats()
		program.run(&p)
		after := live.CacheStats()
		if !undisturbed(first, after) && time.Now().Before(deadline) {
			first = before
			continue
		}
		if after.Hits == before.Hits || after.Misses != before.Misses || !cmp.Equal(after.Bypassed, before.Bypassed) {
			t.Errorf("%s, the second time: %d hits, %d misses; want hits only. Before the first time, after it, and now:\n%+v\n%+v\n%+v",
				program.name, after.Hits-before.Hits, after.Misses-before.Misses, first, before, after)
		}
		return &p
	}
}

var made = time.Date(2024, 5, 6, 7, 8, 9, 123456000, time.UTC)

// fill brings the tables into their first state.
func fill(db *sqlx.DB) {
	db.MustExec("DELETE FROM item")
	db.MustExec("DELETE FROM tag")
	insert := db.Rebind("INSERT INTO item (id, name, price, made, data, flag, note) VALUES (?, ?, ?, ?, ?, ?, ?)")
	db.MustExec(insert, 1, "Rye", 2.5, made, []byte{0, 1, 255}, true, "dark")
	db.MustExec(insert, 2, "Spelt", nil, made.Add(time.Hour), []byte{}, false, nil)
	db.MustExec(insert, 3, "Ölands", 1e-9, nil, nil, nil, "")
	for _, tag := range []string{"a", "b"} {
		db.MustExec(db.Rebind("INSERT INTO tag (item, tag) VALUES (?, ?)"), 1, tag)
	}
}

// show writes a value with everything that a program can tell apart: types,
// nil and empty, locations of times.
func show(v reflect.Value) string {
	if !v.IsValid() {
		return "nil"
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return "nil " + v.Type().String()
		}
		if err, ok := v.Interface().(error); ok {
			return fmt.Sprintf("%T %v", err, err)
		}
		if t, ok := v.Interface().(reflect.Type); ok {
			return "type " + t.String()
		}
		return show(v.Elem())
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return t.Format(time.RFC3339Nano) + " " + t.Location().String()
		}
		var fields []string
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fields = append(fields, v.Type().Field(i).Name+" "+show(v.Field(i)))
			}
		}
		return v.Type().String() + "{" + strings.Join(fields, ", ") + "}"
	case reflect.Slice:
		if v.IsNil() {
			return "nil " + v.Type().String()
		}
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return fmt.Sprintf("%s %x", v.Type(), v.Bytes())
		}
		var cells []string
		for i := range v.Len() {
			cells = append(cells, show(v.Index(i)))
		}
		return v.Type().String() + "[" + strings.Join(cells, ", ") + "]"
	case reflect.Map:
		var pairs []string
		for _, k := range v.MapKeys() {
			pairs = append(pairs, fmt.Sprint(k)+": "+show(v.MapIndex(k)))
		}
		slices.Sort(pairs)
		return v.Type().String() + "{" + strings.Join(pairs, ", ") + "}"
	default:
		return fmt.Sprintf("%s %v", v.Type(), v.Interface())
	}
}

// columnTypes notes all that is known of the columns.
func (p *proof) columnTypes(what string, rows *sql.Rows) {
	p.t.Helper()
	types, err := rows.ColumnTypes()
	if !p.ok(what, err) {
		return
	}
	for _, c := range types {
		length, hasLength := c.Length()
		precision, scale, hasPrecision := c.DecimalSize()
		null, hasNull := c.Nullable()
		scan := "none"
		if t := c.ScanType(); t != nil {
			scan = t.String()
		}
		p.note(what, c.Name(), c.DatabaseTypeName(), scan, length, hasLength, precision, scale, hasPrecision, null, hasNull)
	}
}
