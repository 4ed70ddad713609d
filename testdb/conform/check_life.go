package conform

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// checkClose closes readers from another goroutine while they poll, at
// whatever moment of a poll it is.
func checkClose(tb testing.TB, e *Engine) {
	tb.Helper()
	f := follow(tb, e.open(tb))
	for range 20 {
		if f.reader == nil {
			f.connect()
		}
		closeWhilePolling(tb, f)
		if tb.Failed() {
			return
		}
	}
}

func closeWhilePolling(tb testing.TB, f *follower) {
	tb.Helper()
	reader, cursor := f.reader, f.cursor
	polled, ended := make(chan struct{}, 1), make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			delta, err := reader.Poll(ctx, cursor)
			if err != nil {
				ended <- err
				return
			}
			cursor = delta.Cursor
			select {
			case polled <- struct{}{}:
			default:
			}
		}
		ended <- nil
	}()
	if _, ok := wait(polled, patience); !ok {
		tb.Fatalf("no poll came back within %v", patience)
	}
	f.close()
	if _, ok := wait(ended, shortly); !ok {
		tb.Errorf("polls go on after Close")
		cancel()
		if _, ok := wait(ended, patience); !ok {
			tb.Fatalf("a poll did not return when its context ended")
		}
	}
}

// wait returns what comes from c within d.
func wait[T any](c <-chan T, d time.Duration) (value T, ok bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case value = <-c:
		return value, true
	case <-timer.C:
		return value, false
	}
}

// checkContext: a poll whose context has ended fails, and loses nothing.
func checkContext(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	exec(tb, db.DB, insertItems(1, 1))
	ctx, cancel := context.WithCancel(tb.Context())
	cancel()
	if delta, err := f.reader.Poll(ctx, f.cursor); err == nil {
		tb.Errorf("Poll with a context that has ended returned %v and no error", tell(delta.Changes))
	}
	if _, err := f.source.Connect(ctx); err == nil {
		tb.Errorf("Connect with a context that has ended returned no error")
	}
	f.close()
	f.connect()
	f.wants("after a poll that failed", items(1)...)
}

// checkFrozen: a poll that waits for a database which does not answer returns
// when its context ends and the reader is closed, as the feed does it.
func checkFrozen(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	f := follow(tb, db)
	thaw := db.Freeze()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	reader, cursor := f.reader, f.cursor
	go func() {
		_, err := reader.Poll(ctx, cursor)
		ended <- err
	}()
	<-ctx.Done()
	closed := make(chan error, 1)
	go func() { closed <- reader.Close() }()
	if err, ok := wait(ended, patience); !ok || err == nil {
		tb.Errorf("a poll of a frozen database: returned %v, error %v; want an error", ok, err)
	}
	if _, ok := wait(closed, patience); !ok {
		tb.Errorf("Close of a frozen connection did not return")
	}
	f.reader = nil
	thaw()
	exec(tb, db.DB, insertItems(1, 1))
	f.connect()
	f.wants("after the database has come back", items(1)...)
}

// checkTokens carries cursors from one source to another.
func checkTokens(tb testing.TB, e *Engine) {
	tb.Helper()
	db := e.open(tb)
	a, b := follow(tb, db), follow(tb, db)
	exec(tb, db.DB, insertItems(1, 1))
	a.wants("the source that makes the token", items(1)...)
	token, err := tokens(tb, a.source).Token(a.cursor)
	if err != nil {
		tb.Fatalf("Token: %v", err)
	}
	other := tokens(tb, b.source)
	if reached, err := other.Reached(b.cursor, token); reached || err != nil {
		tb.Errorf("Reached before the poll: %v, %v; want false", reached, err)
	}
	if reached, err := tokens(tb, a.source).Reached(a.cursor, token); !reached || err != nil {
		tb.Errorf("Reached where the token was made: %v, %v; want true", reached, err)
	}
	b.wants("the other source", items(1)...)
	// It may take some polls until it can be proved.
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		<-timer.C
		reached, err := other.Reached(b.cursor, token)
		if err != nil {
			tb.Fatalf("Reached after the poll: %v", err)
		}
		if reached {
			break
		}
		if time.Since(start) > shortly {
			tb.Fatalf("Reached is still false %v after the poll", time.Since(start))
		}
		b.unchanged("until the token is reached")
		timer.Reset(5 * time.Millisecond)
	}
	if !e.lacks(ConcurrentWriters) {
		checkTokenOfOpen(tb, db)
	}
	stranger := follow(tb, e.open(tb))
	exec(tb, stranger.db.DB, insertItems(1, 1), insertItems(1, 2))
	stranger.poll()
	var wrong *listen.TokenError
	if _, err := tokens(tb, stranger.source).Reached(stranger.cursor, token); !errors.As(err, &wrong) {
		tb.Errorf("Reached with a token of another database: %v, want a *listen.TokenError", err)
	}
	for _, text := range []string{"", "x", "{}", token + "x"} {
		if reached, err := other.Reached(b.cursor, text); !errors.As(err, &wrong) || reached {
			tb.Errorf("Reached with the token %q: %v, %v; want a *listen.TokenError", text, reached, err)
		}
	}
}

// checkTokenOfOpen: a cursor that is younger than another, and yet lacks a
// transaction that the other has, has not reached it.
func checkTokenOfOpen(tb testing.TB, db *Database) {
	tb.Helper()
	tx := begin(tb, db)
	exec(tb, tx, insertItems(1, 101))
	exec(tb, db.DB, insertItems(1, 102))
	early := follow(tb, db)
	commit(tb, tx)
	late := follow(tb, db)
	token, err := tokens(tb, late.source).Token(late.cursor)
	if err != nil {
		tb.Fatalf("Token: %v", err)
	}
	if reached, err := tokens(tb, early.source).Reached(early.cursor, token); reached || err != nil {
		tb.Errorf("Reached without a transaction that was open: %v, %v; want false", reached, err)
	}
}

func tokens(tb testing.TB, s listen.Source) listen.Tokens {
	tb.Helper()
	t, ok := s.(listen.Tokens)
	if !ok {
		tb.Fatalf("a source of type %T is no listen.Tokens; if it need not be, the engine's Lacks says why", s)
	}
	return t
}
