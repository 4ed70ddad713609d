package sqlstore_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
	"github.com/vantage-go/live/testdb/server"
)

// rival is a way to write rows without sessions.
type rival struct {
	name       string
	write      func(b *bench, rows, round int) error
	cancelable bool // the context of the saves, which the rival has no use for
}

// durable are databases that flush each commit to disk, as those in use do. The
// servers of tests do not, which makes a commit for each row cheap.
var durable = []kit{
	{"pgx_durable", dialects.Postgres, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return pgxTo(tb, server.OwnPostgres(tb, server.Setting("fsync", "on")).Database(tb))
	}, false},
	{"mariadb_durable", dialects.MySQL, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return mysqlTo(tb, server.OwnMariaDB(tb, server.Setting("innodb-flush-log-at-trx-commit", "1"),
			server.Setting("loose-innodb-flush-method", "fsync")).Database(tb))
	}, false},
	{"sqlite_durable", dialects.SQLite, func(tb testing.TB) sqldriver.Connector {
		tb.Helper()
		return sqliteTo(tb, "full")
	}, false},
}

// BenchmarkRatio compares saves with what a program would write by hand, in
// turns, so that both have the same machine. It reports how many times the
// time of the saves the rival takes, both at their median, and both at what the
// quickest tenth stays below: above 1, the saves are quicker.
func BenchmarkRatio(b *testing.B) {
	for _, k := range append(allKits(), durable...) {
		b.Run(k.name, func(b *testing.B) {
			for _, rows := range []int{1, 1000} {
				rivals := []rival{{name: "prepared autocommit", write: autocommit}}
				switch k.flavor {
				case dialects.Postgres:
					if rows > 1 {
						rivals = append(rivals, rival{name: "unnest by hand", write: unnestByHand}, rival{name: "unnest reporting rows", write: unnestReporting})
					} else {
						rivals = append(rivals, rival{name: "prepared with returning", write: returning},
							rival{name: "prepared autocommit cancelable", write: autocommit, cancelable: true})
					}
				case dialects.SQLite:
					rivals = append(rivals, rival{name: "prepared in a transaction", write: inTransaction},
						rival{name: "prepared with returning in a transaction", write: returningInTransaction})
				default:
				}
				for _, r := range rivals {
					b.Run(fmt.Sprintf("%d/%s", rows, strings.ReplaceAll(r.name, " ", "_")), func(b *testing.B) { compete(b, k, rows, r) })
				}
			}
		})
	}
}

// BenchmarkSingle compares saves of one record, one after the other, with an
// UPDATE that was prepared, and reports how many times its time a save takes, both
// at their median.
//
// Two connections differ from each other by far more than what is looked for, for as
// long as they live, by where the scheduler has put their servers. So each round is
// of new connections, and the median of the rounds is what counts: 50 of them, with
// -benchtime 50x.
func BenchmarkSingle(b *testing.B) {
	for _, k := range allKits() {
		rivals := []rival{{name: "prepared", write: autocommit}}
		if k.flavor != dialects.MySQL {
			rivals = append(rivals, rival{name: "prepared with returning", write: returning})
		}
		for _, r := range rivals {
			b.Run(k.name+"/"+strings.ReplaceAll(r.name, " ", "_"), func(b *testing.B) { single(b, k, r) })
		}
	}
}

func single(b *testing.B, k kit, r rival) {
	b.Helper()
	const warm, pairs = 30, 100
	ctx := context.Background()
	w := k.start(b, nil)
	w.exec("INSERT INTO bakery (id, name, version) VALUES (1, 'ours', 1), (2, 'theirs', 1)")
	timed := func(f func() error) float64 {
		began := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		return float64(time.Since(began))
	}
	var ratios, ours, theirs []float64
	round := 0
	for b.Loop() {
		w.db.SetMaxIdleConns(0)
		w.db.SetMaxIdleConns(1)
		editor, end := w.anew()
		e := must[*edit.RecordEdit[int64, bakery]](b)(editor.Edit(ctx, 1))
		save := func() error {
			e.V.Stock++
			_, err := e.Save(ctx)
			return err
		}
		rival := func() error {
			round++
			return r.write(w, 1, round)
		}
		var with, without []float64
		for i := range warm + pairs {
			first, second := &with, &without
			one, other := save, rival
			if i%2 == 1 {
				first, second, one, other = second, first, other, one
			}
			a, z := timed(one), timed(other)
			if i >= warm {
				*first, *second = append(*first, a), append(*second, z)
			}
		}
		_ = e.Close()
		end()
		mine, yours := middle(with), middle(without)
		ratios, ours, theirs = append(ratios, mine/yours), append(ours, mine), append(theirs, yours)
	}
	b.ReportMetric(middle(ratios), "x-rival")
	b.ReportMetric(middle(ours)/1000, "µs/save")
	b.ReportMetric(middle(theirs)/1000, "µs/rival")
	b.ReportMetric(0, "ns/op")
	if n := one[int](w, fmt.Sprintf("SELECT COUNT(*) FROM bakery WHERE version = %d", round+1)); n != 2 {
		b.Errorf("%d of 2 rows were written each time", n)
	}
}

// anew is another writer, on connections of its own.
func (b *bench) anew() (editor *edit.Editor[int64, bakery], end func()) {
	b.Helper()
	pool := sql.OpenDB(b.connector)
	store := sqlstore.New(pool, b.kit.flavor, b.kit.options()...)
	w := edit.NewWriter(store)
	table := must[*edit.Table](b)(sqlstore.Table[bakery](context.Background(), store, "", "bakery"))
	editor = must[*edit.Editor[int64, bakery]](b)(edit.NewEditor[int64, bakery](w, table))
	return editor, func() {
		for _, each := range []func() error{w.Close, store.Close, pool.Close} {
			if err := each(); err != nil {
				b.Error(err)
			}
		}
	}
}

func middle(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// compete writes the same rows both ways, in turns.
func compete(b *testing.B, k kit, rows int, r rival) {
	b.Helper()
	ctx := context.Background()
	if r.cancelable {
		within, cancel := context.WithCancel(ctx)
		defer cancel()
		ctx = within
	}
	w := k.start(b, nil)
	var values []string
	for i := range 2 * rows { // the first half is ours
		values = append(values, fmt.Sprintf("(%d, 'bakery %d', 1)", i+1, i))
	}
	w.exec("INSERT INTO bakery (id, name, version) VALUES " + strings.Join(values, ", "))
	edits := make([]*edit.RecordEdit[int64, bakery], rows)
	for i := range edits {
		edits[i] = w.edit(int64(i + 1))
	}
	saves := make([]*edit.Pending[int64, bakery], rows)
	var ours, theirs []time.Duration
	round := 0
	for b.Loop() {
		round++
		began := time.Now()
		if rows == 1 {
			edits[0].V.Stock++
			if _, err := edits[0].Save(ctx); err != nil {
				b.Fatal(err)
			}
		} else {
			for i, e := range edits {
				e.V.Stock++
				saves[i] = e.SaveAsync()
			}
			for _, p := range saves {
				if _, err := p.Wait(ctx); err != nil {
					b.Fatal(err)
				}
			}
		}
		between := time.Now()
		if err := r.write(w, rows, round); err != nil {
			b.Fatal(err)
		}
		ours = append(ours, between.Sub(began))
		theirs = append(theirs, time.Since(between))
	}
	b.ReportMetric(float64(w.writer.Stats().Batches)/float64(round), "batches")
	b.ReportMetric(float64(median(theirs))/float64(median(ours)), "rival/ours")
	b.ReportMetric(float64(quick(theirs))/float64(quick(ours)), "quick-rival/ours")
	b.ReportMetric(float64(median(ours).Nanoseconds())/1000/float64(rows), "µs/save")
	b.ReportMetric(float64(median(theirs).Nanoseconds())/1000/float64(rows), "µs/rival")
	if n := one[int](w, fmt.Sprintf("SELECT COUNT(*) FROM bakery WHERE version = %d", round+1)); n != 2*rows {
		b.Errorf("%d of %d rows were written", n, 2*rows)
	}
}

// median is of times that a busy machine has made longer.
func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// quick is what the quickest tenth of times that median has sorted stays below: on
// a machine that others use, it says more about the work that there is to do.
func quick(times []time.Duration) time.Duration { return times[len(times)/10] }

// statement is prepared once for a bench.
func (b *bench) statement(text string) (*sql.Stmt, error) {
	if s := b.prepared[text]; s != nil {
		return s, nil
	}
	s, err := b.db.PrepareContext(context.Background(), text)
	if err == nil {
		if b.prepared == nil {
			b.prepared = make(map[string]*sql.Stmt)
		}
		b.prepared[text] = s
		b.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

func updateText(k kit) string {
	if k.flavor == dialects.Postgres {
		return "UPDATE bakery SET stock = $1, version = version + 1 WHERE id = $2 AND version = $3"
	}
	return "UPDATE bakery SET stock = ?, version = version + 1 WHERE id = ? AND version = ?"
}

func autocommit(b *bench, rows, round int) error {
	stmt, err := b.statement(updateText(b.kit))
	for i := 0; i < rows && err == nil; i++ {
		_, err = stmt.ExecContext(context.Background(), round, rows+i+1, round)
	}
	return err
}

func returning(b *bench, rows, round int) error {
	stmt, err := b.statement(updateText(b.kit) + " RETURNING id, name, city, stock, version")
	var v bakery
	for i := 0; i < rows && err == nil; i++ {
		err = stmt.QueryRowContext(context.Background(), round, rows+i+1, round).Scan(&v.ID, &v.Name, &v.City, &v.Stock, &v.Version)
	}
	return err
}

func inTransaction(b *bench, rows, round int) error {
	return transaction(b, updateText(b.kit), func(stmt *sql.Stmt) error {
		for i := range rows {
			if _, err := stmt.ExecContext(context.Background(), round, rows+i+1, round); err != nil {
				return err
			}
		}
		return nil
	})
}

// returningInTransaction reads the rows that were written, as saves do.
func returningInTransaction(b *bench, rows, round int) error {
	return transaction(b, updateText(b.kit)+" RETURNING id, name, city, stock, version", func(stmt *sql.Stmt) error {
		for i := range rows {
			v := new(bakery)
			row := stmt.QueryRowContext(context.Background(), round, rows+i+1, round)
			if err := row.Scan(&v.ID, &v.Name, &v.City, &v.Stock, &v.Version); err != nil {
				return err
			}
		}
		return nil
	})
}

// transaction runs f with a prepared statement in a transaction.
func transaction(b *bench, text string, f func(stmt *sql.Stmt) error) error {
	stmt, err := b.statement(text)
	if err != nil {
		return err
	}
	tx, err := b.db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(tx.StmtContext(context.Background(), stmt)); err != nil {
		return err
	}
	return tx.Commit()
}

// unnestByHand is one statement for all rows, whose outcome is a count.
func unnestByHand(b *bench, rows, round int) error {
	stmt, err := b.statement(unnestText)
	if err == nil {
		_, err = stmt.ExecContext(context.Background(), arrays(b, rows, round)...)
	}
	return err
}

// unnestReporting reads the rows that were written, as saves do.
func unnestReporting(b *bench, rows, round int) error {
	stmt, err := b.statement(unnestText + " RETURNING t.id, t.name, t.city, t.stock, t.version")
	if err != nil {
		return err
	}
	written, err := stmt.QueryContext(context.Background(), arrays(b, rows, round)...)
	if err != nil {
		return err
	}
	defer func() { _ = written.Close() }()
	for written.Next() {
		v := new(bakery)
		if err := written.Scan(&v.ID, &v.Name, &v.City, &v.Stock, &v.Version); err != nil {
			return err
		}
	}
	return written.Err()
}

const unnestText = "UPDATE bakery t SET stock = d.stock, version = t.version + 1" +
	" FROM unnest($1::bigint[], $2::int[], $3::bigint[]) AS d(id, stock, version) WHERE t.id = d.id AND t.version = d.version"

// arrays are the arguments of unnestText.
func arrays(b *bench, rows, round int) []any {
	ids, stocks, versions := make([]int64, rows), make([]int64, rows), make([]int64, rows)
	for i := range ids {
		ids[i], stocks[i], versions[i] = int64(rows+i+1), int64(round), int64(round)
	}
	if strings.HasPrefix(b.kit.name, "postgres") {
		return []any{pq.Array(ids), pq.Array(stocks), pq.Array(versions)}
	}
	return []any{ids, stocks, versions}
}

// BenchmarkBurst saves one record a thousand times at once, and reports how many
// updates that made.
func BenchmarkBurst(b *testing.B) {
	eachKit(b, 1, func(b *testing.B, w *bench) {
		b.Helper()
		e := w.edit(1)
		rounds := 0
		for b.Loop() {
			rounds++
			for range 1000 {
				e.V.Stock++
				e.SaveAsync()
			}
			if err := w.writer.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(one[int](w, "SELECT version FROM bakery")-1)/float64(rounds), "updates/burst")
	})
}
