package conformtable

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/vantage-go/live/table"
)

// Row is a row of the suite's table.
type Row struct {
	ID   int64   `db:"id,pk"`
	Grp  int64   `db:"grp"`
	Name string  `db:"name"`
	Note *string `db:"note"`
}

// String returns the row for messages.
func (r Row) String() string {
	note := "NULL"
	if r.Note != nil {
		note = *r.Note
	}
	return fmt.Sprintf("{%d %d %q %s}", r.ID, r.Grp, r.Name, note)
}

func (r Row) equal(s Row) bool { return r.String() == s.String() }

// Fixture is a set over an empty table.
type Fixture struct {
	// Set holds the rows whose Grp is 1. The database counts up keys that are
	// left to it.
	Set table.DataSet[int64, Row]
	// Whole is the set of all rows of the table.
	Whole table.DataSet[int64, Row]
	// Seed writes rows as another program would, and returns when the sets show
	// them.
	Seed func(tb testing.TB, rows ...Row)
	// Stored returns all rows of the table.
	Stored func(tb testing.TB) []Row
}

// Patience bounds each check.
const Patience = time.Minute

// outside are rows that are not in the set, and may never change.
func outside() []Row {
	note := "not yours"
	return []Row{{ID: 1001, Grp: 2, Name: "x"}, {ID: 1002, Grp: 3, Name: "y", Note: &note}}
}

// Run runs the suite.
func Run(t *testing.T, open func(tb testing.TB) *Fixture) {
	t.Helper()
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, open(t))
		})
	}
}

// Check is one promise.
type Check struct {
	Name string
	run  func(x *exam)
}

// exam is one check under way.
type exam struct {
	testing.TB
	*Fixture
	ctx context.Context //nolint:containedctx // that of the check
}

// Run runs the check.
func (c Check) Run(tb testing.TB, f *Fixture) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	f.Seed(tb, outside()...)
	c.run(&exam{TB: tb, Fixture: f, ctx: ctx})
	x := &exam{TB: tb, Fixture: f, ctx: ctx}
	for _, want := range outside() {
		if got, ok := x.stored()[want.ID]; !ok || !got.equal(want) {
			tb.Errorf("row %d is outside of the set, and is %v now, was %v", want.ID, got, want)
		}
	}
}

// stored returns the rows of the table by key.
func (x *exam) stored() map[int64]Row {
	x.Helper()
	all := make(map[int64]Row)
	for _, r := range x.Stored(x) {
		all[r.ID] = r
	}
	return all
}

// inSet compares the rows of the set, and those of the table in it, with
// these.
func (x *exam) inSet(want ...Row) {
	x.Helper()
	listed, err := x.Set.List(x.ctx)
	if err != nil {
		x.Errorf("List: %v", err)
		return
	}
	x.same("the set lists", listed, want)
	var stored []Row
	for _, r := range x.stored() {
		if r.Grp == 1 {
			stored = append(stored, r)
		}
	}
	x.same("stored are", stored, want)
}

func (x *exam) same(what string, got, want []Row) {
	x.Helper()
	byID := func(a, b Row) int { return int(a.ID - b.ID) }
	want = slices.SortedFunc(slices.Values(want), byID)
	if got = slices.SortedFunc(slices.Values(got), byID); !slices.EqualFunc(got, want, Row.equal) {
		x.Errorf("%s %v, want %v", what, got, want)
	}
}

// must fails the check on an error.
func (x *exam) must(what string, err error) {
	x.Helper()
	if err != nil {
		x.Errorf("%s: %v", what, err)
	}
}

// row compares a row that a call returned.
func (x *exam) row(what string, got Row, err error, want Row) {
	x.Helper()
	if err != nil {
		x.Errorf("%s: %v", what, err)
	} else if !got.equal(want) {
		x.Errorf("%s returned %v, want %v", what, got, want)
	}
}

// record compares a record that a call returned.
func (x *exam) record(what string, got table.Record, err error, want Row) {
	x.Helper()
	if err != nil {
		x.Errorf("%s: %v", what, err)
		return
	}
	note, _ := got["note"].(*string)
	id, _ := got["id"].(int64)
	grp, _ := got["grp"].(int64)
	name, _ := got["name"].(string)
	if r := (Row{id, grp, name, note}); !r.equal(want) || len(got) != 4 {
		x.Errorf("%s returned %v in columns %v, want %v", what, r, slices.Sorted(maps.Keys(got)), want)
	}
}
