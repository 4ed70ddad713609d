package driver_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vantage-go/live/driver"
)

// TestOrder pins what the session learns and when, between the calls that
// reach the driver.
func TestOrder(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name   string
		look   look
		script script
		run    func(db *sql.DB)
		want   []string
	}{
		{
			name: "query",
			run:  func(db *sql.DB) { drain(db.Query("select", 1)) },
			want: []string{
				"session: open",
				"connect", "session: dialed", // for the argument
				"conn-check  [1 int 1]",
				"session: classify select",
				"session: query via 0: meaning of select [1 int64 1]",
				"query-ctx select [1 int64 1]",
				"call: rows",
				"next", "next", "rows-close",
				"call: done: <nil>",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
		{
			name:   "query that fails",
			script: failOn("query", errFake, 1),
			run:    func(db *sql.DB) { drain(db.Query("select")) },
			want: []string{
				"session: open",
				"session: classify select", "session: query via 0: meaning of select",
				"connect", "session: dialed",
				"query-ctx select",
				"call: failed: fake: refused",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
		{
			name:   "query that cannot dial",
			script: failOn("connect", errFake, 1),
			run:    func(db *sql.DB) { drain(db.Query("select")) },
			want: []string{
				"session: open",
				"session: classify select", "session: query via 0: meaning of select",
				"connect",
				"call: failed: fake: refused",
				"session: released", "session: closed",
			},
		},
		{
			name:   "query by way of a prepared statement",
			script: failOn("query", sqldriver.ErrSkip, 1),
			run:    func(db *sql.DB) { db.QueryRow("select").Scan(new(any)) },
			want: []string{
				"session: open",
				"session: classify select", "session: query via 0: meaning of select",
				"connect", "session: dialed",
				"query-ctx select",
				"call: failed: " + sqldriver.ErrSkip.Error(),
				"prepare-ctx select",
				"session: classify select", "session: query via 1: meaning of select",
				"stmt-query-ctx select",
				"call: rows",
				"next", "rows-close",
				"call: done: <nil>",
				"stmt-close select",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
		{
			name: "exec",
			run:  func(db *sql.DB) { db.Exec("update", 1) },
			want: []string{
				"session: open",
				"connect", "session: dialed",
				"conn-check  [1 int 1]",
				"session: classify update",
				"exec-ctx update [1 int64 1]",
				"session: executed meaning of update [1 int64 1]: <nil>",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
		{
			name:   "exec by way of a prepared statement, which fails",
			script: scripted(map[string]error{"exec-ctx update": sqldriver.ErrSkip, "stmt-exec-ctx update": errFake}),
			run:    func(db *sql.DB) { db.Exec("update") },
			want: []string{
				"session: open",
				"connect", "session: dialed",
				"session: classify update",
				"exec-ctx update",
				"prepare-ctx update",
				"session: classify update",
				"stmt-exec-ctx update",
				"session: executed meaning of update: fake: refused",
				"stmt-close update",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
		{
			name: "exec that is not sent",
			look: shapes()[2].look, // legacy: refuses names
			run:  func(db *sql.DB) { db.Exec("update", sql.Named("n", 1)) },
			want: []string{
				"session: open",
				"connect", "session: dialed",
				"session: released",
				"close", "session: closed",
			},
		},
		{
			name: "transactions",
			run: func(db *sql.DB) {
				tx, _ := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable, ReadOnly: true})
				tx.Commit()
				tx, _ = db.Begin()
				tx.Rollback()
			},
			want: []string{
				"session: open",
				"connect", "session: dialed",
				"begin-ctx 6 true", "session: begun 6 true",
				"commit", "session: ended committed",
				"valid", "session: released",
				"reset",
				"begin-ctx 0 false", "session: begun 0 false",
				"rollback", "session: ended rolled back",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
		{
			name:   "transactions with an unknown end",
			script: scripted(map[string]error{"commit": errFake, "rollback": errFake}),
			run: func(db *sql.DB) {
				tx, _ := db.Begin()
				tx.Commit()
				tx, _ = db.Begin()
				tx.Rollback()
			},
			want: []string{
				"session: open",
				"connect", "session: dialed",
				"begin-ctx 0 false", "session: begun 0 false",
				"commit", "session: ended unknown",
				"valid", "session: released",
				"reset",
				"begin-ctx 0 false", "session: begun 0 false",
				"rollback", "session: ended unknown",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
		{
			name:   "transaction that does not begin",
			script: failOn("begin", errFake, 1),
			run:    func(db *sql.DB) { db.Begin() },
			want: []string{
				"session: open",
				"connect", "session: dialed",
				"begin-ctx 0 false",
				"valid", "session: released",
				"close", "session: closed",
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newServer(tt.look)
			srv.play(tt.script)
			db := sql.OpenDB(driver.Wrap(&fakeConnector{srv}, watching(srv, false)))
			tt.run(db)
			db.Close()
			if d := cmp.Diff(tt.want, srv.lines()); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestSessionLearnsOfPanics: a policy that waits for an outcome gets one.
func TestSessionLearnsOfPanics(t *testing.T) {
	const lost = "livesql: the driver did not return from the statement"
	tests := []struct {
		op, want string
		run      func(db *sql.DB)
	}{
		{"query-ctx", "call: failed: " + lost, func(db *sql.DB) { db.Query("text") }},
		{"exec-ctx", "session: executed meaning of text: " + lost, func(db *sql.DB) { db.Exec("text") }},
		{"stmt-query-ctx", "call: failed: " + lost, func(db *sql.DB) {
			st, _ := db.Prepare("text")
			defer st.Close()
			st.Query()
		}},
		{"stmt-exec-ctx", "session: executed meaning of text: " + lost, func(db *sql.DB) {
			st, _ := db.Prepare("text")
			defer st.Close()
			st.Exec()
		}},
		{"commit", "session: ended unknown", func(db *sql.DB) {
			tx, _ := db.Begin()
			tx.Commit()
		}},
		{"rollback", "session: ended unknown", func(db *sql.DB) {
			tx, _ := db.Begin()
			tx.Rollback()
		}},
		{"rows-close", "call: done: " + lost, func(db *sql.DB) {
			rows, _ := db.Query("text")
			rows.Close()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.op, func(t *testing.T) {
			srv := newServer(look{})
			srv.play(func(_ context.Context, key string) error {
				if strings.Fields(key)[0] == tt.op {
					panic("fake: out of order")
				}
				return nil
			})
			db := open(t, srv, watching(srv, false))
			func() {
				defer func() {
					if recover() == nil {
						t.Error("the panic did not arrive")
					}
				}()
				tt.run(db)
			}()
			if srv.seen(tt.want) != 1 {
				t.Errorf("%q is missing in %q", tt.want, srv.lines())
			}
		})
	}
}

// TestCallErrorIsTheCallers: the policy may find that the rows are no good.
func TestCallErrorIsTheCallers(t *testing.T) {
	srv := newServer(look{})
	db := open(t, srv, &recorder{
		srv: srv,
		query: func(context.Context, driver.Statement, []sqldriver.NamedValue, driver.Path) (sqldriver.Rows, driver.Call, error) {
			return nil, refusing{}, nil
		},
	})
	if _, err := db.Query("select"); !errors.Is(err, errFake) {
		t.Errorf("got %v", err)
	}
}

type refusing struct{}

func (refusing) Rows(_ context.Context, inner sqldriver.Rows) (sqldriver.Rows, error) {
	return nil, errors.Join(errFake, inner.Close())
}

func (refusing) Failed(error) { panic("told of an error that was its own") }
