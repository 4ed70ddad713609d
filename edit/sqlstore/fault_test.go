package sqlstore_test

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
)

// cutter is a connector whose connections break at a COMMIT, or at an UPDATE that is
// a transaction by itself: before it is sent, or before it is answered, or when its
// rows have come.
type cutter struct {
	sqldriver.Connector
	before, after, behind atomic.Int32 // how many times
	updates               bool
	mute                  bool         // nobody says what became of a transaction
	with                  error        // what is said of it; the end of the stream if nil
	reused                atomic.Int32 // what was sent over a connection that had broken
	at                    string       // a statement at which the connection breaks, too
	until                 atomic.Int32 // which of them
}

func (c *cutter) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, cutter: c}, nil
}

type cutConn struct {
	sqldriver.Conn
	cutter *cutter
	cut    bool
}

// connect wraps a connection, which a test gives methods of its own.
func connect(ctx context.Context, to sqldriver.Connector, wrap func(cutConn) sqldriver.Conn) (sqldriver.Conn, error) {
	conn, err := to.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return wrap(cutConn{Conn: conn, cutter: &cutter{}}), nil
}

// broken reports whether nothing can be sent over the connection.
func (c *cutConn) broken() bool {
	if c.cut {
		c.cutter.reused.Add(1)
	}
	return c.cut
}

func (c *cutConn) sever() error {
	c.cut = true
	if c.cutter.with != nil {
		return c.cutter.with
	}
	return io.ErrUnexpectedEOF
}

func (c *cutConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	if c.broken() {
		return nil, io.ErrUnexpectedEOF
	}
	if c.cutter.at != "" && strings.HasPrefix(query, c.cutter.at) && c.cutter.until.Add(-1) == 0 {
		return nil, c.sever()
	}
	commit := strings.HasPrefix(query, "COMMIT")
	if commit && c.cutter.before.Add(-1) >= 0 {
		return nil, c.sever()
	}
	r, err := c.Conn.(sqldriver.ExecerContext).ExecContext(ctx, query, args)
	if commit && err == nil && c.cutter.after.Add(-1) >= 0 {
		return nil, c.sever()
	}
	return r, err
}

func (c *cutConn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	if c.broken() {
		return nil, io.ErrUnexpectedEOF
	}
	stmt, err := c.Conn.(sqldriver.ConnPrepareContext).PrepareContext(ctx, query)
	if err != nil || !c.cutter.updates || !strings.Contains(query, "UPDATE") {
		return stmt, err
	}
	return &cutStmt{stmt, c}, nil
}

// cutStmt is an UPDATE at which the connection may break.
type cutStmt struct {
	sqldriver.Stmt
	conn *cutConn
}

func (s *cutStmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	c := s.conn
	if c.broken() {
		return nil, io.ErrUnexpectedEOF
	}
	if c.cutter.before.Add(-1) >= 0 {
		return nil, c.sever()
	}
	rows, err := s.Stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, args)
	switch {
	case err == nil && c.cutter.after.Add(-1) >= 0:
		_ = rows.Close() // the server has done it
		return nil, c.sever()
	case err == nil && c.cutter.behind.Add(-1) >= 0:
		return &cutRows{rows, c}, nil
	}
	return rows, err
}

func (s *cutStmt) ExecContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	if s.conn.broken() {
		return nil, io.ErrUnexpectedEOF
	}
	return s.Stmt.(sqldriver.StmtExecContext).ExecContext(ctx, args)
}

// cutRows end with the connection.
type cutRows struct {
	sqldriver.Rows
	conn *cutConn
}

func (r *cutRows) Next(dest []sqldriver.Value) error {
	err := r.Rows.Next(dest)
	if err != nil {
		return r.conn.sever()
	}
	return nil
}

func (c *cutConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if c.broken() {
		return nil, io.ErrUnexpectedEOF
	}
	if c.cutter.mute && strings.Contains(query, "pg_xact_status") {
		return nil, io.ErrUnexpectedEOF
	}
	return c.Conn.(sqldriver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *cutConn) CheckNamedValue(v *sqldriver.NamedValue) error {
	if checker, ok := c.Conn.(sqldriver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return sqldriver.ErrSkip
}

// TestLostCommit loses the connection in a COMMIT: every save ends, and what it
// says is so.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		for name, done := range map[string]bool{"before it": false, "after it": true} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				t.Parallel()
				var cut *cutter
				b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
					cut = &cutter{Connector: c}
					return cut
				}, edit.Retries(5, time.Millisecond, time.Millisecond))
				ctx := context.Background()
				b.exec("INSERT INTO bakery (id, name, version) VALUES (1001, 'a', 1), (1002, 'b', 1), (1003, 'c', 1)")
				var edits []*edit.RecordEdit[int64, bakery]
				for id := range int64(3) {
					e := b.edit(1001 + id)
					e.V.Stock = 5
					edits = append(edits, e)
				}
				numbered := b.make(bakery{Name: "numbered"})
				if done {
					cut.after.Store(1)
				} else {
					cut.before.Store(1)
				}
				// Together, so that it is one transaction.
				err := edit.Group(ctx, edits[0], edits[1], edits[2], numbered)
				n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE stock = 5 AND version = 2")
				made := one[int](b, "SELECT COUNT(*) FROM bakery WHERE name = 'numbered'")
				if made > 1 {
					t.Fatalf("%d rows were inserted for one record", made)
				}
				if k.flavor == dialects.Postgres || !done { // a row that is as it was proves that nothing was done
					if err != nil || n != 3 || made != 1 || numbered.IsNew() {
						t.Errorf("error is %v, %d rows are updated, %d made", err, n, made)
					}
					return
				}
				// Nothing tells whether the row without a key was made.
				wantErr(t, err, edit.ErrOutcomeUnknown)
				if n != 3 || made != 1 {
					t.Errorf("%d rows are updated, %d made", n, made)
				}
			})
		}
	}
}

// TestLedger: with a ledger, what became of a lost COMMIT is always known, of
// new rows and of counters, too.
func TestLedger(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		for name, done := range map[string]bool{"before it": false, "after it": true} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				t.Parallel()
				ctx := context.Background()
				b := k.start(t, nil)
				cut := &cutter{Connector: b.connector}
				b.ledgered(cut)
				counters := editorOf[int64, counted](b, "bakery")
				b.exec("INSERT INTO bakery (id, name, version) VALUES (1001, 'a', 1)")
				e := must[*edit.RecordEdit[int64, counted]](t)(counters.Edit(ctx, 1001))
				defer e.Close()
				e.V.Stock++
				numbered := b.make(bakery{Name: "numbered"})
				if done {
					cut.after.Store(1)
				} else {
					cut.before.Store(1)
				}
				if err := edit.Group(ctx, e, numbered); err != nil {
					t.Fatal(err)
				}
				id := numbered.ID()
				if id == 0 || one[int64](b, "SELECT id FROM bakery WHERE name = 'numbered'") != id {
					t.Errorf("id is %d", id)
				}
				if n := one[int](b, "SELECT stock * 10 + version FROM bakery WHERE id = 1001"); n != 12 {
					t.Errorf("stock and version are %d", n)
				}
				if n := one[int](b, "SELECT COUNT(*) FROM livesql_saves"); n != 2 {
					t.Errorf("%d notes", n)
				}
				if err := b.store.PruneLedger(ctx, -time.Hour); err != nil || one[int](b, "SELECT COUNT(*) FROM livesql_saves WHERE id <> 'livesql'") != 0 {
					t.Errorf("notes are left, %v", err)
				}
			})
		}
	}
}

// TestLostCommitOfUpdates: rows that are there can be looked at. On Postgres there is
// no COMMIT: the statement is a transaction by itself.
func TestLostCommitOfUpdates(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		for _, name := range []string{"before it", "after it", "behind its rows"} {
			t.Run(k.name+" "+name, func(t *testing.T) {
				t.Parallel()
				var cut *cutter
				b := k.start(t, func(c sqldriver.Connector) sqldriver.Connector {
					cut = &cutter{Connector: c, updates: k.flavor == dialects.Postgres}
					return cut
				}, edit.Retries(5, time.Millisecond, time.Millisecond), edit.Linger(20*time.Millisecond))
				b.exec("INSERT INTO bakery (id, name, version) VALUES (1001, 'a', 1), (1002, 'b', 1), (1003, 'c', 1)")
				var saves []*edit.Pending[int64, bakery]
				var edits []*edit.RecordEdit[int64, bakery]
				for id := range int64(3) {
					e := b.edit(1001 + id)
					e.V.Stock = 5
					edits = append(edits, e)
				}
				times := map[string]*atomic.Int32{"before it": &cut.before, "after it": &cut.after, "behind its rows": &cut.behind}[name]
				if k.flavor != dialects.Postgres && name == "behind its rows" {
					times = &cut.after
				}
				times.Store(1)
				for _, e := range edits {
					saves = append(saves, e.SaveAsync())
				}
				for _, p := range saves {
					if r, err := p.Wait(context.Background()); err != nil || r.Row.Version != 2 {
						t.Errorf("result is %+v, %v", r, err)
					}
				}
				if n := one[int](b, "SELECT COUNT(*) FROM bakery WHERE stock = 5 AND version = 2"); n != 3 {
					t.Errorf("%d rows are updated once", n)
				}
				if times.Load() == 1 {
					t.Error("no connection was lost")
				}
			})
		}
	}
}

// TestRowOfAnotherTransaction holds a row while others are saved with it.
func TestRowOfAnotherTransaction(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		if k.flavor == dialects.SQLite {
			continue // has one lock for all
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			b := k.start(t, nil, edit.Linger(20*time.Millisecond))
			for i := range 20 {
				b.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'bakery %d', 1)", 1000+i, i))
			}
			tx, err := b.db.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.ExecContext(ctx, "UPDATE bakery SET city = 'theirs', version = version + 1 WHERE id = 1007"); err != nil {
				t.Fatal(err)
			}
			var saves []*edit.Pending[int64, bakery]
			for i := range int64(20) {
				e := b.edit(1000 + i)
				e.V.Stock = 5
				saves = append(saves, e.SaveAsync())
			}
			for i, p := range saves {
				if i == 7 {
					continue
				}
				if _, err := p.Wait(ctx); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
			select {
			case <-saves[7].Done():
				t.Fatal("the locked row was saved")
			default:
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if r, err := saves[7].Wait(ctx); err != nil || *r.Row.City != "theirs" || r.Row.Version != 3 || !r.Rebased {
				t.Errorf("result is %+v, %v", r, err)
			}
		})
	}
}

// TestManyWriters has writers of their own on the same rows: nobody's saves
// are lost, and batches do not deadlock.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	for _, k := range allKits() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			const rows, writers, rounds = 40, 3, 6
			first := k.start(t, nil, edit.Retries(20, time.Millisecond, 20*time.Millisecond))
			for i := range rows {
				first.exec(fmt.Sprintf("INSERT INTO bakery (id, name, version) VALUES (%d, 'bakery %d', 1)", i+1, i))
			}
			var saved, transient atomic.Int64
			var all sync.WaitGroup
			for n := range writers {
				b := first.another(t, edit.Retries(20, time.Millisecond, 20*time.Millisecond), edit.Observe(func(e edit.Event) {
					if e.State == edit.Transient {
						transient.Add(1)
					}
				}))
				all.Go(func() {
					random := rand.New(rand.NewPCG(1, uint64(n)))
					for range rounds {
						var saves []*edit.Pending[int64, counted]
						for _, i := range random.Perm(rows)[:rows/2] {
							e, err := b.Edit(ctx, int64(i+1))
							if err != nil {
								t.Error(err)
								return
							}
							e.V.Stock++
							saves = append(saves, e.SaveAsync())
							_ = e.Close()
						}
						for _, p := range saves {
							if _, err := p.Wait(ctx); err != nil {
								t.Error(err)
								continue
							}
							saved.Add(1)
						}
					}
				})
			}
			all.Wait()
			if sum := one[int64](first, "SELECT SUM(stock) FROM bakery"); sum != saved.Load() {
				t.Errorf("%d in stock after %d saves", sum, saved.Load())
			}
			if sum := one[int64](first, "SELECT SUM(version) FROM bakery"); sum != saved.Load()+rows {
				t.Errorf("versions have counted %d of %d saves", sum-rows, saved.Load())
			}
			if n := transient.Load(); n > 0 && k.flavor != dialects.SQLite {
				t.Errorf("%d operations met a deadlock", n)
			}
		})
	}
}

// counted is a bakery whose stock is counted by everyone.
type counted struct {
	ID      int64 `db:"id,pk"`
	Stock   int   `db:"stock,merge=sum"`
	Version int64 `db:"version,version"`
}
