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
// time of the saves the rival takes, both at their median: above 1, the saves are
// quicker.
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

// compete writes the same rows both ways, in turns.
//
// Two connections differ from each other by far more than what is looked for, for as
// long as they live, by where the scheduler has put their servers. So each round is
// of new connections, and the median of the rounds is what counts: 50 of them, with
// -benchtime 50x.
func compete(b *testing.B, k kit, rows int, r rival) {
	b.Helper()
	warm, pairs := 30, 100
	if rows > 1 {
		warm, pairs = 2, 6
	}
	w := k.start(b, nil)
	var values []string
	for i := range 2 * rows { // the first half is ours
		values = append(values, fmt.Sprintf("(%d, 'bakery %d', 1)", i+1, i))
	}
	w.exec("INSERT INTO bakery (id, name, version) VALUES " + strings.Join(values, ", "))
	var ratios, ours, theirs, batches []float64
	turns := 0
	for b.Loop() {
		s := w.saver(rows, r.cancelable)
		w.db.SetMaxIdleConns(0)
		w.db.SetMaxIdleConns(1)
		var with, without []float64
		for i := range warm + pairs {
			turns++
			write := func() error { return r.write(w, rows, turns) }
			var mine, other float64
			if i%2 == 0 {
				mine = timed(b, s.save)
				other = timed(b, write)
			} else {
				other = timed(b, write)
				mine = timed(b, s.save)
			}
			if i >= warm {
				with, without = append(with, mine), append(without, other)
			}
		}
		batches = append(batches, float64(s.writer.Stats().Batches)/float64(warm+pairs))
		s.end()
		ratios = append(ratios, median(without)/median(with))
		ours, theirs = append(ours, median(with)), append(theirs, median(without))
	}
	b.ReportMetric(median(batches), "batches")
	b.ReportMetric(median(ratios), "rival/ours")
	b.ReportMetric(median(ours)/1000/float64(rows), "µs/save")
	b.ReportMetric(median(theirs)/1000/float64(rows), "µs/rival")
	b.ReportMetric(0, "ns/op")
	if n := one[int](w, fmt.Sprintf("SELECT COUNT(*) FROM bakery WHERE version = %d", turns+1)); n != 2*rows {
		b.Errorf("%d of %d rows were written each time", n, 2*rows)
	}
}

// timed returns how many nanoseconds f takes.
func timed(b *testing.B, f func() error) float64 {
	b.Helper()
	began := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(began))
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// saver saves the first rows of a bench, on connections of its own.
type saver struct {
	ctx    context.Context // of all its saves
	writer *edit.Writer
	edits  []*edit.RecordEdit[int64, bakery]
	saves  []*edit.Pending[int64, bakery]
	end    func()
}

func (b *bench) saver(rows int, cancelable bool) *saver {
	b.Helper()
	s := &saver{ctx: context.Background(), saves: make([]*edit.Pending[int64, bakery], rows)}
	cancel := func() {}
	if cancelable {
		s.ctx, cancel = context.WithCancel(s.ctx)
	}
	pool := sql.OpenDB(b.connector)
	store := sqlstore.New(pool, b.kit.flavor, b.kit.options()...)
	s.writer = edit.NewWriter(store)
	table := must[*edit.Table](b)(sqlstore.Table[bakery](s.ctx, store, "", "bakery"))
	editor := must[*edit.Editor[int64, bakery]](b)(edit.NewEditor[int64, bakery](s.writer, table))
	for i := range rows {
		s.edits = append(s.edits, must[*edit.RecordEdit[int64, bakery]](b)(editor.Edit(s.ctx, int64(i+1))))
	}
	s.end = func() {
		cancel()
		for _, e := range s.edits {
			_ = e.Close()
		}
		for _, end := range []func() error{s.writer.Close, store.Close, pool.Close} {
			if err := end(); err != nil {
				b.Error(err)
			}
		}
	}
	return s
}

func (s *saver) save() error {
	if len(s.edits) == 1 {
		s.edits[0].V.Stock++
		_, err := s.edits[0].Save(s.ctx)
		return err
	}
	for i, e := range s.edits {
		e.V.Stock++
		s.saves[i] = e.SaveAsync()
	}
	for _, p := range s.saves {
		if _, err := p.Wait(s.ctx); err != nil {
			return err
		}
	}
	return nil
}

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
