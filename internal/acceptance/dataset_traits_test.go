package acceptance_test

import (
	"context"
	sqldriver "database/sql/driver"
	"testing"

	"github.com/DATA-DOG/go-sqlmock"

	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb"
)

// clientSet is a set of clients, live or not, and what the scenario needs
// besides.
type clientSet struct {
	testing.TB
	table.DataSet[int64, client]
	ctx  context.Context
	w    *world                              // nil on the mock
	live *livesql.LiveTable[int64, client]   // nil if the set is not live
	mock *testdb.MockDB                      // nil on a database
	brok func() table.DataSet[int64, bakery] // of another table
}

// traits are the scenarios of tests/dataset_traits.rs.
var traits = []struct {
	name string
	test func(s *clientSet)
}{
	{"readable_dataset_polymorphism", func(s *clientSet) {
		s.lists(ann, bob)
		s.reads(bob)
		s.lists(ann, bob)
		var set table.ReadableSet[int64, client] = s
		all, err := set.List(s.ctx)
		s.want(err == nil && len(all) == 2 && all[0] == ann, "%v, %v", all, err)
		row, ok, err := set.Get(s.ctx, 2)
		s.want(err == nil && ok && row == bob, "%v, %v, %v", row, ok, err)
		row, ok, err = set.GetSome(s.ctx)
		s.want(err == nil && ok && row == ann, "%v, %v, %v", row, ok, err)
	}},
	{"writable_dataset_replace", func(s *clientSet) {
		next := client{ID: 1, Name: "Anna", Email: "anna@example.org", Phone: "555-3", Version: 2}
		if s.mock != nil {
			s.mock.ExpectBegin()
			s.mock.ExpectExec("INSERT INTO .*client").WillReturnResult(sqlmock.NewResult(0, 0))
			s.inside(ann)
			s.mock.ExpectExec("UPDATE .*client.* SET").WillReturnResult(sqlmock.NewResult(0, 1))
			s.inside(next)
			s.mock.ExpectCommit()
		}
		row, err := s.Replace(s.ctx, next)
		s.want(err == nil && row == next, "%+v, %v", row, err)
		s.stored("SELECT COUNT(*) FROM client WHERE name = 'Anna' AND phone = '555-3'", "1")
		s.shows(1, next)
	}},
	{"writable_dataset_update_callback", func(s *clientSet) {
		// There is no callback over all rows: one lists, and patches what is to
		// change.
		s.lists(ann, bob)
		paying := ann
		paying.Paying, paying.Version = true, 2
		s.patches(ann, paying)
		all, err := s.List(s.ctx)
		s.want(err == nil, "%v", err)
		for _, c := range all {
			after := c
			after.Paying = true
			_, err := s.PatchChanged(s.ctx, c, after)
			s.want(err == nil, "%v", err)
		}
		s.stored("SELECT COUNT(*) FROM client WHERE paying", "2")
		s.stored("SELECT version FROM client WHERE id = 2", "1") // who paid already was not written
		s.shows(1, paying)
	}},
	{"insertable_dataset_insert", func(s *clientSet) {
		made := client{ID: 100, Name: "Cy", Email: "cy@example.org", Version: 1}
		s.creates(made)
		made.ID = 0
		id, err := s.InsertReturnID(s.ctx, made)
		s.want(err == nil && id > 2, "%v, %v", id, err)
		s.stored("SELECT COUNT(*) FROM client WHERE name = 'Cy'", "1")
		made.ID = id
		s.shows(id, made)
	}},
	{"readable_value_set_json", func(s *clientSet) {
		s.lists(ann, bob)
		all, err := s.Values().ListValues(s.ctx)
		s.want(err == nil && len(all) == 2 && len(all[0]) == 6 && all[0]["email"] == ann.Email, "%v, %v", all, err)
	}},
	{"readable_value_set_get_id_value", func(s *clientSet) {
		s.reads(bob)
		row, ok, err := s.Values().GetValue(s.ctx, 2)
		s.want(err == nil && ok && row["name"] == "Bob" && row["paying"] == true, "%v, %v", row, err)
	}},
	{"readable_value_set_get_some_value", func(s *clientSet) {
		s.lists(ann, bob)
		row, ok, err := s.Values().GetSomeValue(s.ctx)
		s.want(err == nil && ok && row["name"] == "Ann", "%v, %v", row, err)
	}},
	{"readable_as_dataset_type_conversion", func(s *clientSet) {
		// The type of the rows belongs to the set: another is another set.
		type card struct {
			ID   int64  `db:"id,pk"`
			Name string `db:"name"`
		}
		if s.w == nil {
			return
		}
		cards, err := livesql.NewTable[int64, card](s.ctx, s.w.handle(), "client", livesql.OrderBy("id"))
		if err != nil {
			s.Fatal(err)
		}
		all, err := cards.List(s.ctx)
		s.want(err == nil && len(all) == 2 && all[1] == card{2, "Bob"}, "%v, %v", all, err)
	}},
	{"drop_in_replacement_for_table", func(s *clientSet) {
		s.lists(ann, bob)
		s.want(longestName(s, s) == "Ann", "the function does not work on this set")
	}},
	{"dataset_trait_with_generic_function", func(s *clientSet) {
		s.lists(ann, bob)
		s.want(countRows[int64, client](s, s.ctx, s) == 2, "wrong count of clients")
		if s.brok != nil {
			s.want(countRows(s, s.ctx, s.brok()) == 1, "wrong count of bakeries")
		}
	}},
	{"writable_dataset_delete_operations", func(s *clientSet) {
		if s.mock != nil {
			for range 2 {
				s.mock.ExpectBegin()
				s.mock.ExpectExec("DELETE FROM .*client.* WHERE .*id").WillReturnResult(sqlmock.NewResult(0, 1))
				s.mock.ExpectCommit()
			}
			s.mock.ExpectBegin()
			s.mock.ExpectExec("DELETE FROM .*client").WillReturnResult(sqlmock.NewResult(0, 1))
			s.mock.ExpectCommit()
		}
		s.want(s.Delete(s.ctx, 1) == nil, "delete")
		s.stored("SELECT COUNT(*) FROM client", "1")
		s.want(s.Delete(s.ctx, 1) == nil, "delete of what is gone")
		s.want(s.DeleteAll(s.ctx) != nil, "the whole table was deleted without a word")
		s.stored("SELECT COUNT(*) FROM client", "1")
		s.want(s.DeleteAll(s.ctx, table.All) == nil, "delete all")
		s.stored("SELECT COUNT(*) FROM client", "0")
		if s.live != nil {
			s.want(s.live.Len() == 0, "the live table has %d rows", s.live.Len())
		}
	}},
	{"readable_dataset_empty_table", func(s *clientSet) {
		if s.w != nil {
			s.w.others("DELETE FROM client")
			s.sync()
		}
		s.lists()
		s.lists()
		s.lists()
		all, err := s.List(s.ctx)
		s.want(err == nil && len(all) == 0, "%v, %v", all, err)
		_, ok, err := s.GetSome(s.ctx)
		s.want(err == nil && !ok, "%v, %v", ok, err)
		values, err := s.Values().ListValues(s.ctx)
		s.want(err == nil && len(values) == 0, "%v, %v", values, err)
	}},
	{"insertable_dataset_batch_insert", func(s *clientSet) {
		ids := make(map[int64]bool)
		for i := range int64(10) {
			c := client{ID: 100 + i, Name: "many", Email: "many@example.org", Version: 1}
			s.creates(c)
			c.ID = 0
			id, err := s.InsertReturnID(s.ctx, c)
			s.want(err == nil, "%v", err)
			ids[id] = true
		}
		s.want(len(ids) == 10, "ids are %v", ids)
		s.stored("SELECT COUNT(DISTINCT id) FROM client WHERE name = 'many'", "10")
		if s.live != nil {
			s.want(s.live.Len() == 12, "the live table has %d rows", s.live.Len())
		}
	}},
	{"trait_object_storage", func(s *clientSet) {
		s.lists(ann, bob)
		held := map[string]table.ReadableSet[int64, client]{"clients": s.DataSet}
		all, err := held["clients"].List(s.ctx)
		s.want(err == nil && len(all) == 2, "%v, %v", all, err)
	}},
	{"writable_value_set_patch", func(s *clientSet) {
		next := bob
		next.Name, next.Version = "Updated", 2
		s.patches(bob, next)
		row, err := s.Values().PatchValue(s.ctx, 2, table.Record{"name": "Updated"})
		s.want(err == nil && row["name"] == "Updated" && row["email"] == bob.Email && row["paying"] == true, "%v, %v", row, err)
		s.stored("SELECT COUNT(*) FROM client WHERE name = 'Updated' AND email = 'bob@example.org' AND phone = '555-2'", "1")
		s.shows(2, next)
	}},
	{"all_traits_implemented", func(s *clientSet) {
		var (
			_ table.ReadableSet[int64, client]   = s
			_ table.WritableSet[int64, client]   = s
			_ table.InsertableSet[int64, client] = s
			_ table.ImportingSet[int64, client]  = s
			_ table.ReadableValueSet[int64]      = s.Values()
			_ table.WritableValueSet[int64]      = s.Values()
			_ table.InsertableValueSet[int64]    = s.Values()
		)
	}},
}

// longestName works on any set of clients.
func longestName(tb testing.TB, set table.ReadableSet[int64, client]) string {
	tb.Helper()
	all, err := set.List(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	longest := ""
	for _, c := range all {
		if len(c.Name) > len(longest) {
			longest = c.Name
		}
	}
	return longest
}

// countRows works on any set.
func countRows[K comparable, T any](tb testing.TB, ctx context.Context, set table.ReadableSet[K, T]) int {
	tb.Helper()
	all, err := set.List(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return len(all)
}

// TestDatasetTraits runs the scenarios on live tables and on those that ask the
// database each time, on every engine, and on the latter over a mock. A live
// table over a mock is in testdb.TestLiveTable.
func TestDatasetTraits(t *testing.T) {
	t.Parallel()
	for _, e := range allEngines() {
		for _, kind := range []string{"live", "plain"} {
			if e.open == nil && kind == "live" {
				continue
			}
			t.Run(e.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				for _, c := range traits {
					t.Run(c.name, func(t *testing.T) {
						t.Parallel()
						c.test(newSet(t, e, kind == "live"))
					})
				}
			})
		}
	}
}

func newSet(tb testing.TB, e engine, live bool) *clientSet {
	tb.Helper()
	if e.open == nil {
		m := testdb.Mock(tb, testdb.Tables("client"))
		s := &clientSet{TB: tb, ctx: tb.Context(), mock: m}
		set, err := livesql.NewTable[int64, client](s.ctx, m.DB, "client", livesql.OrderBy("id"))
		if err != nil {
			tb.Fatal(err)
		}
		s.DataSet = set
		return s
	}
	w := newWorld(tb, e)
	s := &clientSet{TB: tb, ctx: w.ctx, w: w}
	if live {
		s.live = w.live()
		s.DataSet = s.live.Set()
		return s
	}
	db := w.handle()
	set, err := livesql.NewTable[int64, client](w.ctx, db, "client", livesql.OrderBy("id"))
	if err != nil {
		tb.Fatal(err)
	}
	s.DataSet = set
	s.brok = func() table.DataSet[int64, bakery] {
		set, err := livesql.NewTable[int64, bakery](w.ctx, db, "bakery")
		if err != nil {
			tb.Fatal(err)
		}
		return set
	}
	return s
}

func (s *clientSet) want(ok bool, format string, args ...any) {
	s.Helper()
	if !ok {
		s.Errorf(format, args...)
	}
}

func (s *clientSet) stored(query, want string) {
	s.Helper()
	if s.w != nil {
		s.w.stored(query, want)
	}
}

// shows requires a row in the live table, at once.
func (s *clientSet) shows(id int64, want client) {
	s.Helper()
	if s.live == nil {
		return
	}
	if row, _ := s.live.Get(id); row != want {
		s.Errorf("the live table has %+v, want %+v", row, want)
	}
}

func (s *clientSet) sync() {
	s.Helper()
	if s.live != nil {
		if err := s.live.Sync(s.ctx); err != nil {
			s.Fatal(err)
		}
	}
}

// What the mock is asked.

func (s *clientSet) lists(all ...client) {
	if s.mock == nil {
		return
	}
	answer := sqlmock.NewRows([]string{"id", "name", "email", "phone", "paying", "version"})
	for _, c := range all {
		answer.AddRow(valuesOf(c)...)
	}
	s.mock.ExpectBegin()
	s.mock.ExpectQuery("SELECT .* FROM .*client").WillReturnRows(answer)
	s.mock.ExpectRollback()
}

func (s *clientSet) reads(c client) {
	if s.mock != nil {
		s.lists(c)
	}
}

func valuesOf(c client) []sqldriver.Value {
	return []sqldriver.Value{c.ID, c.Name, c.Email, c.Phone, c.Paying, c.Version}
}

// inside expects that a row is looked at, which is in the set.
func (s *clientSet) inside(c client) {
	s.mock.ExpectQuery("SELECT .* FROM .*client.* WHERE").WillReturnRows(
		sqlmock.NewRows([]string{"inside", "id", "name", "email", "phone", "paying", "version"}).AddRow(append([]sqldriver.Value{true}, valuesOf(c)...)...))
}

func (s *clientSet) patches(before, after client) {
	if s.mock == nil {
		return
	}
	s.mock.ExpectBegin()
	s.inside(before)
	s.mock.ExpectExec("UPDATE .*client.* SET").WillReturnResult(sqlmock.NewResult(0, 1))
	s.inside(after)
	s.mock.ExpectCommit()
}

func (s *clientSet) creates(c client) {
	if s.mock == nil {
		return
	}
	s.mock.ExpectBegin()
	s.mock.ExpectQuery("INSERT INTO .*client.* RETURNING").WillReturnRows(sqlmock.NewRows([]string{"id"}).AddRow(c.ID))
	s.inside(c)
	s.mock.ExpectCommit()
}
