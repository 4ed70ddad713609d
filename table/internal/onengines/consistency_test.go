package onengines_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/testdb/conform"
)

// torture is for how long each engine is written to.
var torture = flag.Duration("table.torture", 2*time.Second, "for how long TestConsistency writes to each engine")

// account is a row of which the sum never changes, or of what comes and goes.
type account struct {
	ID     int64  `db:"id,pk"`
	Grp    int64  `db:"grp"`
	Amount int64  `db:"amount"`
	Ver    int64  `db:"ver"`
	Name   string `db:"name"`
}

const (
	accounts = 20
	initial  = 1000 // each account's amount in the beginning
	writers  = 8
)

// TestConsistency writes to each engine with many writers.
func TestConsistency(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		checkConsistency(t, e, *torture, func(t *testing.T, r *rig) func() int64 {
			t.Helper()
			ctx, stop := context.WithCancel(soon(t))
			var wrote atomic.Int64
			var writing sync.WaitGroup
			for w := range writers {
				writing.Go(func() { r.write(ctx, w, &wrote) })
			}
			return func() int64 {
				stop()
				writing.Wait()
				return wrote.Load()
			}
		})
	})
}

// TestWriterProcesses is TestConsistency with writers in processes of their own:
// in full length (LIVESQL_LONG=1) a minute on each engine, in the gate five
// seconds on SQLite.
func TestWriterProcesses(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, e engine) {
		t.Helper()
		lasts := time.Minute
		if !conform.Long() {
			if lasts = 5 * time.Second; e.name != "sqlite" {
				return
			}
		}
		checkConsistency(t, e, lasts, startProcesses)
	})
}

// startProcesses starts writers. The function that it returns ends them.
func startProcesses(t *testing.T, r *rig) func() int64 {
	t.Helper()
	var inputs []io.Closer
	var outputs []*bytes.Buffer
	var all []*exec.Cmd
	for w := range writers {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), writerEnv+"="+r.name, dsnEnv+"="+r.dsn, fmt.Sprintf("%s=%d", numberEnv, w))
		out := new(bytes.Buffer)
		cmd.Stdout, cmd.Stderr = out, os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		inputs, outputs, all = append(inputs, in), append(outputs, out), append(all, cmd)
	}
	return func() (sum int64) {
		for _, in := range inputs {
			_ = in.Close()
		}
		for i, cmd := range all {
			var n int64
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			} else if _, err := fmt.Sscan(outputs[i].String(), &n); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
			sum += n
		}
		return sum
	}
}

// checkConsistency writes to an engine with many writers: transfers between
// accounts, whose sum is the same after each transaction, rows that come and go
// and change their keys and groups, bulk updates, and tables that are emptied.
// While that goes on, every version of every live table must have the sum, and
// no row may go back. Afterwards all tables must hold what a fresh read does.
func checkConsistency(t *testing.T, e engine, lasts time.Duration, start func(t *testing.T, r *rig) func() int64) {
	t.Helper()
	ddl := func(name string) string {
		return "CREATE TABLE " + name + " (id BIGINT NOT NULL PRIMARY KEY, grp BIGINT NOT NULL, amount BIGINT NOT NULL, ver BIGINT NOT NULL, name VARCHAR(60) NOT NULL)"
	}
	r := newRig(t, e, ddl("account"), ddl("scratch"))
	for i := range accounts {
		r.exec(t, fmt.Sprintf("INSERT INTO account VALUES (%d, %d, %d, 1, 'a')", i, i%3, initial))
	}
	open := func(name string, opts ...table.Option) *table.LiveTable[int64, account] {
		live, err := table.OpenTable[int64, account](soon(t), r.db, name, opts...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := live.Close(); err != nil {
				t.Error(err)
			}
		})
		return live
	}
	var watching sync.WaitGroup
	stop := start(t, r)
	all, scratch := open("account"), open("scratch")
	byName := open("account", table.OrderBy("name DESC", "amount"))
	group := open("account", table.Where("grp = ?", 1))
	// Conditions that all rows meet, which the package tells itself and which only
	// the database can tell, and conditions that some of them do.
	conditions := []set{
		{"amount >= ? OR amount < 0", []any{0}},
		{"amount + ? = amount", []any{0}},
		{"grp <> ? AND amount > 0", []any{2}},
		{"name LIKE ? OR ver % 2 = 0", []any{"w%"}},
	}
	parts := make([]*table.LiveTable[int64, account], len(conditions))
	for i, c := range conditions {
		parts[i] = open("account", table.Where(c.text, c.args...))
	}
	index := table.NewIndex(all, func(a account) int64 { return a.Grp })
	view, err := table.NewView(all, func(a account) bool { return a.Grp == 1 }, "amount DESC")
	if err != nil {
		t.Fatal(err)
	}
	totals, err := table.Watch[groupTotal](soon(t), r.db, table.Query{Text: "SELECT grp, count(*) AS n, CAST(sum(amount) AS " + e.integer() + ") AS total FROM account GROUP BY grp ORDER BY grp"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = totals.Close() })
	listed := make([]*table.LiveQuery[account], 3)
	for grp := range listed {
		q, err := table.Watch[account](soon(t), r.db, table.Query{Text: "SELECT id, grp, amount, ver, name FROM account WHERE grp = " + e.mark(), Args: []any{grp}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = q.Close() })
		listed[grp] = q
	}
	watch, unwatch := context.WithCancel(context.Background())
	defer unwatch()
	judges := make([]*judge, 0, 3+len(parts))
	for i, live := range slices.Concat(parts, []*table.LiveTable[int64, account]{all, byName, group}) {
		j := &judge{whole: live != group && i != 2 && i != 3}
		judges = append(judges, j)
		watching.Go(func() { j.watch(watch, live) })
	}
	wrongTotal := ""
	watching.Go(func() {
		for b, err := range totals.Events(watch) {
			if err != nil {
				return
			}
			sum := int64(0)
			for _, g := range b.Snapshot.All() {
				sum += g.Total
			}
			if sum != accounts*initial {
				wrongTotal = fmt.Sprintf("version %d of the query has the sum %d", b.Snapshot.Version(), sum)
			}
		}
	})
	timer := time.NewTimer(lasts)
	defer timer.Stop()
	<-timer.C
	wrote := stop()
	for _, live := range slices.Concat(parts, []*table.LiveTable[int64, account]{all, byName, group, scratch}) {
		if err := live.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	if err := totals.Sync(soon(t)); err != nil {
		t.Fatal(err)
	}
	for _, q := range listed {
		if err := q.Sync(soon(t)); err != nil {
			t.Fatal(err)
		}
	}
	unwatch()
	watching.Wait()
	if wrongTotal != "" {
		t.Error(wrongTotal)
	}
	versions := 0
	for _, j := range judges {
		versions += j.versions
		if j.problem != "" {
			t.Error(j.problem)
		}
	}
	t.Logf("%d transactions, %d versions judged, %d rows in the end", wrote, versions, all.Len())
	if versions == 0 || wrote == 0 {
		t.Error("nothing has happened")
	}
	r.same(t, "account", maps.Collect(all.All()), "account WHERE 1 = 1")
	r.same(t, "account in order", maps.Collect(byName.Ascend()), "account WHERE 1 = 1")
	r.same(t, "group 1", maps.Collect(group.All()), "account WHERE grp = 1")
	for i, c := range conditions {
		r.same(t, c.text, maps.Collect(parts[i].All()), "account WHERE "+c.sql())
	}
	r.same(t, "group 2 by index", maps.Collect(index.Find(2)), "account WHERE grp = 2")
	for grp, q := range listed {
		shown := map[int64]account{}
		for a := range q.All() {
			shown[a.ID] = a
		}
		r.same(t, fmt.Sprintf("the query of group %d", grp), shown, fmt.Sprintf("account WHERE grp = %d", grp))
	}
	r.same(t, "scratch", maps.Collect(scratch.All()), "scratch WHERE 1 = 1")
	ordered := slices.IsSortedFunc(slices.Collect(values(byName)), func(a, b account) int {
		if a.Name != b.Name {
			return -compare(a.Name, b.Name)
		}
		return compare(a.Amount, b.Amount)
	})
	if !ordered {
		t.Error("the order is wrong")
	}
	want := map[int64]groupTotal{}
	for _, a := range all.All() {
		g := want[a.Grp]
		want[a.Grp] = groupTotal{a.Grp, g.N + 1, g.Total + a.Amount}
	}
	got := map[int64]groupTotal{}
	for g := range totals.All() {
		got[g.Grp] = g
	}
	if !maps.Equal(got, want) {
		t.Errorf("the query has %v, want %v", got, want)
	}
	rows, total := view.Page(0, 1_000_000)
	if total != len(rows) || int64(total) != want[1].N || !slices.IsSortedFunc(rows, func(a, b account) int { return compare(b.Amount, a.Amount) }) {
		t.Errorf("the view has %d rows of %d, want %d", len(rows), total, want[1].N)
	}
}

// groupTotal is a row of a query over the accounts.
type groupTotal struct {
	Grp   int64 `db:"grp,pk"`
	N     int64 `db:"n"`
	Total int64 `db:"total"`
}

// integer is the type to cast a sum to.
func (e *engine) integer() string {
	if e.dialect.Flavor() == dialects.MySQL {
		return "SIGNED"
	}
	return "BIGINT"
}

func compare[T int64 | string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func values(t *table.LiveTable[int64, account]) func(yield func(account) bool) {
	return func(yield func(account) bool) {
		for _, a := range t.Ascend() {
			if !yield(a) {
				return
			}
		}
	}
}

// write commits transactions until ctx ends. What fails is rolled back.
func (r *rig) write(ctx context.Context, writer int, wrote *atomic.Int64) {
	low := int64(1000 * (writer + 1)) // its own rows
	for i := int64(0); ctx.Err() == nil; i++ {
		var statements []string
		switch rand.IntN(12) {
		default: // a transfer, in order of the keys against deadlocks
			a, b := rand.IntN(accounts), rand.IntN(accounts)
			if a == b {
				continue
			}
			n := rand.IntN(100)
			if a > b {
				a, b, n = b, a, -n
			}
			statements = []string{
				fmt.Sprintf("UPDATE account SET amount = amount - %d, ver = ver + 1 WHERE id = %d", n, a),
				fmt.Sprintf("UPDATE account SET amount = amount + %d, ver = ver + 1 WHERE id = %d", n, b),
			}
		case 0:
			statements = []string{fmt.Sprintf("INSERT INTO account VALUES (%d, %d, 0, 1, 'w%d')", low+i%50, rand.IntN(3), i)}
		case 1:
			statements = []string{fmt.Sprintf("DELETE FROM account WHERE id = %d", low+rand.Int64N(50))}
		case 2: // another key
			statements = []string{fmt.Sprintf("UPDATE account SET id = %d WHERE id = %d", low+50+i%50, low+rand.Int64N(100))}
		case 3: // in and out of groups
			statements = []string{fmt.Sprintf("UPDATE account SET grp = %d, ver = ver + 1 WHERE id = %d", rand.IntN(3), low+rand.Int64N(50))}
		case 4:
			if rand.IntN(5) > 0 {
				continue
			}
			statements = []string{"UPDATE account SET ver = ver + 1, name = 'bulk' WHERE id < 100000"}
			if r.dialect.Flavor() == dialects.Postgres {
				// It would lock them in the order in which they are stored, and a
				// deadlock keeps everybody waiting for a second.
				statements = append([]string{"SELECT FROM account WHERE id < 100000 ORDER BY id FOR UPDATE"}, statements...)
			}
		case 5:
			statements = []string{
				fmt.Sprintf("DELETE FROM scratch WHERE id = %d", low+i%20),
				fmt.Sprintf("INSERT INTO scratch VALUES (%d, 0, 0, 1, 's')", low+i%20),
			}
			if rand.IntN(10) == 0 {
				statements = []string{r.empty("scratch")}
			}
		}
		if r.transact(ctx, statements) == nil {
			wrote.Add(1)
		}
	}
}

// empty empties a table, without a key in the log where the engine can.
func (r *rig) empty(table string) string {
	if r.dialect.Flavor() == dialects.SQLite {
		return "DELETE FROM " + table
	}
	return "TRUNCATE TABLE " + table
}

func (r *rig) transact(ctx context.Context, statements []string) error {
	tx, err := r.other.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// judge looks at the versions of a live table.
type judge struct {
	whole    bool // every account is in the table
	seen     map[int64]int64
	versions int
	last     uint64
	problem  string
}

func (j *judge) watch(ctx context.Context, live *table.LiveTable[int64, account]) {
	j.seen = map[int64]int64{}
	for b, err := range live.Events(ctx) {
		if err != nil {
			return
		}
		j.look(b.Snapshot)
	}
}

func (j *judge) look(s table.Snapshot[int64, account]) {
	j.versions++
	if s.Version() <= j.last {
		j.problem = fmt.Sprintf("version %d came behind version %d", s.Version(), j.last)
	}
	j.last = s.Version()
	sum, n := int64(0), 0
	for id, a := range s.All() {
		if id != a.ID {
			j.problem = fmt.Sprintf("row %d is under key %d", a.ID, id)
		}
		sum += a.Amount
		if id >= accounts {
			continue
		}
		n++
		if a.Ver < j.seen[id] {
			j.problem = fmt.Sprintf("row %d went from version %d back to %d", id, j.seen[id], a.Ver)
		}
		j.seen[id] = a.Ver
	}
	if j.whole && (sum != accounts*initial || n != accounts) {
		j.problem = fmt.Sprintf("in version %d the sum over %d accounts is %d, want %d", s.Version(), n, sum, accounts*initial)
	}
}

// same compares what is shown with a fresh read.
func (r *rig) same(t *testing.T, what string, shown map[int64]account, from string) {
	t.Helper()
	rows, err := r.other.QueryContext(soon(t), "SELECT id, grp, amount, ver, name FROM "+from)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	want := map[int64]account{}
	for rows.Next() {
		var a account
		if err := rows.Scan(&a.ID, &a.Grp, &a.Amount, &a.Ver, &a.Name); err != nil {
			t.Fatal(err)
		}
		want[a.ID] = a
	}
	if !maps.Equal(shown, want) {
		t.Errorf("%s shows %d rows, stored are %d", what, len(shown), len(want))
		for k, a := range want {
			if shown[k] != a {
				t.Errorf("row %d is %v, want %v", k, shown[k], a)
				break
			}
		}
	}
}
