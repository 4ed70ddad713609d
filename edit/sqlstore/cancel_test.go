package sqlstore

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/testdb/server"
)

// TestCancelsItsOwn: the server is asked to give up the statement of the connection,
// and nothing that the same process runs by then, for whomever.
func TestCancelsItsOwn(t *testing.T) {
	t.Parallel()
	const statement = "SELECT pg_sleep(0.7)"
	for running, givenUp := range map[string]bool{statement: true, statement + " -- and more than the server keeps of it": true, "SELECT 1": false} {
		t.Run(running, func(t *testing.T) {
			t.Parallel()
			s := New(server.Postgres(t).DB(), dialects.Postgres)
			s.deaf = true
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			l, err := s.take(ctx)
			if err != nil {
				t.Fatal(err)
			}
			l.bound(ctx)
			if l.cancels.pid == 0 || l.cancels.timeout == 0 {
				t.Fatalf("%+v", &l.cancels)
			}
			l.cancels.runs(running)
			sleeps, end := context.WithCancel(ctx)
			defer end()
			_, w := l.uncancelled(sleeps)
			if w == nil {
				t.Fatal("nobody watches")
			}
			time.AfterFunc(200*time.Millisecond, end)
			err = l.plain(context.WithoutCancel(ctx), statement)
			if (err != nil) != givenUp {
				t.Errorf("%v", err)
			}
			if reusable := w.ended(); reusable {
				t.Error("the connection is used again, though the server was asked")
			}
			s.put(l, true)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNobodySpare: where the pool may have no connection to ask over, statements are
// cancelled by the driver.
func TestNobodySpare(t *testing.T) {
	t.Parallel()
	for limit, spare := range map[int]bool{0: true, 1: false, connections: false, connections + 1: true} {
		db := server.Postgres(t).DB()
		db.SetMaxOpenConns(limit)
		s := New(db, dialects.Postgres)
		s.deaf = true
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		l, err := s.take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		l.bound(ctx)
		quiet, w := l.uncancelled(ctx)
		if (quiet.Done() == nil) != spare || (w != nil) != spare {
			t.Errorf("limit %d: %v", limit, quiet)
		}
		if !w.ended() {
			t.Error("the server was asked for nothing")
		}
		cancel()
		s.put(l, true)
	}
}

// TestShorterTime: the time that a role gives its statements is not made longer.
func TestShorterTime(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]int{"0": 30, "5s": 5, "10min": 30} {
		db := server.Postgres(t).DB()
		s := New(db, dialects.Postgres)
		s.deaf = true
		ctx, cancel := context.WithCancel(t.Context())
		l, err := s.take(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.plain(ctx, "SET statement_timeout = '"+role+"'"); err != nil {
			t.Fatal(err)
		}
		for _, left := range []time.Duration{20 * time.Second, 30 * time.Second} {
			within, end := context.WithTimeout(ctx, left)
			l.bound(within)
			end()
		}
		var got int
		err = l.query(ctx, "SELECT (setting::int + 500) / 1000 FROM pg_settings WHERE name = 'statement_timeout'", nil,
			func(rows *sql.Rows) error { return rows.Scan(&got) })
		if err != nil || got != want {
			t.Errorf("where the role has %s, statements have %d s, want %d: %v", role, got, want, err)
		}
		cancel()
		s.put(l, true)
	}
}
