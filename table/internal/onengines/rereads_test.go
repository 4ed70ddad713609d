package onengines_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
)

// set is a part of the accounts.
type set struct {
	text string
	args []any
}

// sets are conditions of several kinds: those that the package tells itself, and
// those of which only the database can tell, with arguments and without.
func sets() []set {
	return []set{
		{"grp = ?", []any{0}},
		{"grp = ?", []any{1}},
		{"grp > ? AND id < ?", []any{0, 100}},
		{"grp IN (?, ?) OR amount >= ?", []any{1, 2, 3}},
		{"name = ?", []any{"a1"}},
		{"name LIKE 'a%' AND grp <> ?", []any{1}},
		{"upper(name) = ?", []any{"A1"}},
		{"(grp + ?) % 2 = 0 OR name = ?", []any{1, "b"}},
		{"10 / CASE WHEN grp = 0 THEN 1 ELSE grp END > 5", nil},
		{"account.id IN (SELECT o.id + 1 FROM account o)", nil},
	}
}

// sql is the condition without arguments.
func (s set) sql() string {
	text := s.text
	for _, arg := range s.args {
		literal := fmt.Sprint(arg)
		if name, ok := arg.(string); ok {
			literal = "'" + name + "'"
		}
		text = strings.Replace(text, "?", literal, 1)
	}
	return text
}

// gathered are live tables of one database table.
type gathered struct {
	sets   []set
	tables []*table.LiveTable[int64, account]
}

// gather opens a live table for each set of the accounts.
func gather(t *testing.T, r *rig, sets ...set) *gathered {
	t.Helper()
	g := &gathered{sets: sets}
	for _, s := range sets {
		g.tables = append(g.tables, live[int64, account](t, r, "account", table.Where(s.text, s.args...)))
	}
	return g
}

// sync waits until all show everything.
func (g *gathered) sync(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for i, l := range g.tables {
		all.Go(func() {
			if err := l.Sync(ctx); err != nil {
				t.Errorf("%s: %v", g.sets[i].text, err)
			}
		})
	}
	all.Wait()
}

// check compares all with what is stored.
func (g *gathered) check(t *testing.T, r *rig, after string) {
	t.Helper()
	for i, l := range g.tables {
		r.same(t, fmt.Sprintf("after %s, %s", after, g.sets[i].text), maps.Collect(l.All()), "account WHERE "+g.sets[i].sql())
	}
}

// newAccounts is a database with some accounts.
func newAccounts(t *testing.T, e engine) *rig {
	t.Helper()
	collation := map[dialects.Flavor]string{dialects.MySQL: " COLLATE utf8mb4_bin"}[e.dialect.Flavor()]
	r := newRig(t, e, "CREATE TABLE account (id BIGINT NOT NULL PRIMARY KEY, grp BIGINT NOT NULL, amount BIGINT NOT NULL, ver BIGINT NOT NULL, name VARCHAR(60)"+collation+" NOT NULL)")
	for i := range accounts {
		r.exec(t, fmt.Sprintf("INSERT INTO account VALUES (%d, %d, %d, 1, 'a%d')", i, i%3, i%5, i%4))
	}
	return r
}

// TestRereads: live tables of one table and its queries read a row that has changed
// once for all of them, whatever their conditions, orders and columns, and each has
// what its condition says.
func TestRereads(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newAccounts(t, e)
		g := gather(t, r, sets()[:9]...)
		all := live[int64, account](t, r, "account", table.OrderBy("name DESC"))
		some := live[int64, account](t, r, "account", table.Columns("grp"), table.Where("grp > ?", 0))
		q, err := table.Watch[account](soon(t), r.db, table.Query{Text: "SELECT id, grp, amount, ver, name FROM account WHERE grp = " + e.mark(), Args: []any{2}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
		statements := []string{
			"UPDATE account SET ver = 2 WHERE id = 3", // the first one finds out what the columns are
			"UPDATE account SET grp = 2, ver = 3 WHERE id = 3",
			"INSERT INTO account VALUES (50, 1, 7, 1, 'a1')",
			"UPDATE account SET name = 'A1' WHERE id IN (50, 1)",
			"UPDATE account SET amount = 0 WHERE grp = 2",
			"DELETE FROM account WHERE id IN (3, 50)",
			"UPDATE account SET id = 60, name = 'b' WHERE id = 2",
		}
		var before int64
		for i, s := range statements {
			if i == 1 {
				before = r.picking.Load()
			}
			r.exec(t, s)
			g.sync(t)
			synchronize(t, all)
			synchronize(t, some)
			if err := q.Sync(soon(t)); err != nil {
				t.Fatal(err)
			}
			g.check(t, r, s)
			r.same(t, "all after "+s, maps.Collect(all.All()), "account WHERE 1 = 1")
			shown := map[int64]account{}
			for a := range q.All() {
				shown[a.ID] = a
			}
			r.same(t, "the query after "+s, shown, "account WHERE grp = 2")
			for id, a := range some.All() {
				if full, ok := all.Get(id); !ok || a != (account{ID: id, Grp: full.Grp}) || a.Grp == 0 {
					t.Errorf("after %s, some of the columns are %v, all are %v", s, a, full)
				}
			}
		}
		if n := r.picking.Load() - before; n != int64(len(statements)-1) {
			t.Errorf("%d statements have read what %d have changed", n, len(statements)-1)
		}
	})
}

// TestRereadsAtTheirOwnPace: a table that is slow keeps no other from going on, and
// has everything in the end; so does one that has gone while rows are read.
func TestRereadsAtTheirOwnPace(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		r := newAccounts(t, e)
		g := gather(t, r, sets()[:4]...)
		slow, gone := g.tables[0], g.tables[1]
		reached, release := make(chan struct{}, 16), make(chan struct{})
		indexed := false // under the lock of the table
		table.NewIndex(slow, func(a account) int64 {
			if indexed = indexed || a.Ver == 7; indexed {
				reached <- struct{}{}
				<-release
				indexed = false
			}
			return a.Grp
		})
		others := &gathered{g.sets[2:], g.tables[2:]}
		r.exec(t, "UPDATE account SET ver = 7 WHERE id = 0") // of group 0
		<-reached
		for i := range 3 {
			r.exec(t, fmt.Sprintf("UPDATE account SET grp = %d, ver = %d WHERE id < 9", i, 8+i))
			others.sync(t)
			others.check(t, r, fmt.Sprintf("change %d beside a table that is slow", i))
		}
		close(release)
		g.sync(t)
		g.check(t, r, "changes while it was slow")

		// One is closed while its rows are read.
		reading, proceed := make(chan struct{}), make(chan struct{})
		var once sync.Once
		r.before.Store(func(query string) {
			if strings.Contains(query, " IN (") {
				once.Do(func() {
					close(reading)
					<-proceed
				})
			}
		})
		before := r.picking.Load()
		r.exec(t, "UPDATE account SET grp = 1, ver = 20 WHERE id = 5")
		<-reading
		if err := gone.Close(); err != nil {
			t.Error(err)
		}
		close(proceed)
		others.sync(t)
		others.check(t, r, "one was closed")
		if n := r.picking.Load() - before; n != 1 {
			t.Errorf("%d statements have read one row when a table was closed meanwhile", n)
		}
	})
}

// TestRereadsRefused: a condition that fails for a row fails for its own table.
func TestRereadsRefused(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		if e.name != "postgres" {
			continue // the others make NULL of it
		}
		r := newAccounts(t, e)
		g := gather(t, r, append(sets()[:6], set{"10 / (amount - ?) > 1", []any{100}})...)
		broken := g.tables[6]
		others := &gathered{g.sets[:6], g.tables[:6]}
		for i := range 4 {
			r.exec(t, fmt.Sprintf("UPDATE account SET amount = %d, ver = ver + 1 WHERE id = %d", 100+i/2, i))
			others.sync(t)
			if t.Failed() {
				return
			}
			others.check(t, r, "a division by zero")
			for i, l := range others.tables {
				if state, err := l.State(); state != table.Live {
					t.Errorf("%s is %v: %v", others.sets[i].text, state, err)
				}
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := broken.Sync(ctx); err == nil || !strings.Contains(err.Error(), "division by zero") {
			t.Errorf("the one that divides by zero: %v", err)
		}
		r.exec(t, "UPDATE account SET amount = 102")
		g.sync(t)
		g.check(t, r, "no more division by zero")
	}
}

// TestRereadsInDoubt: a value of another type than that of its column is judged by
// the database.
func TestRereadsInDoubt(t *testing.T) {
	t.Parallel()
	r := newAccounts(t, engines()[0]) // SQLite
	g := gather(t, r, set{"name = ?", []any{"a1"}}, set{"name <> ?", []any{"a1"}}, set{"name > ?", []any{"a1"}})
	for _, s := range []string{"UPDATE account SET ver = 2", "UPDATE account SET name = x'6131'", "UPDATE account SET name = 'a1' WHERE id < 9"} {
		r.exec(t, s)
		g.sync(t)
		g.check(t, r, s)
	}
}
