package sqlite

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// watcher is a consumer that hands on what it hears.
type watcher struct {
	batches chan listen.Batch
	states  chan listen.State
}

func (w watcher) Apply(b listen.Batch) {
	if b.Reset != "" || len(b.Changes) > 0 {
		w.batches <- b
	}
}

func (w watcher) Changed(s listen.State) { w.states <- s }

func (w watcher) await(t *testing.T, want listen.State) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case s := <-w.states:
			if s == want {
				return
			}
		case <-deadline.C:
			t.Fatalf("the feed did not become %v", want)
		}
	}
}

func (w watcher) next(t *testing.T) listen.Batch {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	select {
	case b := <-w.batches:
		return b
	case <-deadline.C:
		t.Fatal("no batch came")
		panic("unreachable")
	}
}

// feed follows a database with the real feed.
func feed(t *testing.T, dsn string, policy listen.Install) watcher {
	t.Helper()
	connector, err := Dialect{}.Connector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Dialect{}.Backend(listen.BackendConfig{Connector: connector, DSN: dsn, Install: policy, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	f := listen.NewFeed(b, listen.WithDeadline(time.Second), listen.WithBackoff(time.Millisecond, 10*time.Millisecond))
	w := watcher{batches: make(chan listen.Batch, 1000), states: make(chan listen.State, 1000)}
	f.Subscribe(w)
	f.Start()
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// A lock that lasts longer than a poll may take ends the lease, and nothing
// else: when it is gone, the feed goes on where it was.
func TestLockedDatabase(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, params string
		lock, unlock []string
	}{
		{"rollback journal", "?_journal_mode=DELETE&_sync=OFF", []string{"BEGIN EXCLUSIVE", "UPDATE t SET v = 9 WHERE id = 2"}, []string{"COMMIT"}},
		{
			"exclusive mode", "?_journal_mode=DELETE&_sync=OFF",
			[]string{"PRAGMA locking_mode = exclusive", "UPDATE t SET v = 9 WHERE id = 2"},
			[]string{"PRAGMA locking_mode = normal", "SELECT * FROM t"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := newFile(t)
			db := plain(t, file+c.params)
			mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 1), (2, 2)")
			install1(t, db)
			w := feed(t, file+c.params, listen.InstallNever)
			w.await(t, listen.Live)
			if b := w.next(t); b.Reset == "" {
				t.Fatalf("first %v, want a reset", b)
			}
			other := newSession(t, file+c.params)
			if err := other.run(c.lock...); err != nil {
				t.Fatal(err)
			}
			w.await(t, listen.Lost)
			if err := other.run(c.unlock...); err != nil {
				t.Fatal(err)
			}
			b := w.next(t)
			if b.Reset != "" || len(b.Changes) != 1 || b.Changes[0].Key != int64(2) {
				t.Errorf("%v, want a change of row 2 alone", b)
			}
			w.await(t, listen.Live)
		})
	}
}

// Readers of a database in WAL mode are not held up by a writer.
func TestWriterDoesNotHoldUpPolls(t *testing.T) {
	t.Parallel()
	_, db, f := captured(t, quick)
	mustExec(t, db, "BEGIN EXCLUSIVE", "UPDATE t SET v = 9 WHERE id = 2")
	wantKeys(t, f.poll())
	mustExec(t, db, "COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)")
	wantKeys(t, f.poll(), 2)
	wantKeys(t, f.poll())
}

func TestJournalModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"WAL", "DELETE", "TRUNCATE", "PERSIST", "MEMORY", "OFF"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			_, db, f := captured(t, "?_sync=OFF&_journal_mode="+mode)
			mustExec(t, db, "UPDATE t SET v = 9 WHERE id = 2")
			wantKeys(t, f.poll(), 2)
			mustExec(t, db, "UPDATE t SET v = 9 WHERE id = 3")
			wantKeys(t, f.poll(), 3)
		})
	}
	t.Run("changed on the way", func(t *testing.T) {
		t.Parallel()
		// Only a connection that is alone can change it.
		file := newFile(t)
		db := plain(t, file+"?_sync=OFF&_journal_mode=WAL")
		mustExec(t, db, "CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)")
		install1(t, db)
		f := follow(t, file+"?_sync=OFF", listen.InstallNever)
		if err := f.reader.Close(); err != nil {
			t.Fatal(err)
		}
		mustExec(t, db, "PRAGMA journal_mode = delete", "UPDATE t SET v = 9 WHERE id = 3")
		f.connect()
		wantKeys(t, f.poll(), 3)
	})
}

// A database that cannot be written is followed all the same, and cannot be
// given triggers.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	for _, params := range []string{"?mode=ro", "?_query_only=1"} {
		t.Run(params, func(t *testing.T) {
			t.Parallel()
			file, db, _ := captured(t, quick)
			mustExec(t, db, "CREATE TABLE late(id INTEGER PRIMARY KEY)")
			before := schemaOf(t, db)
			f := follow(t, "file:"+file+params, listen.InstallAuto)
			mustExec(t, db, "UPDATE t SET v = 9 WHERE id = 2")
			wantKeys(t, f.poll(), 2)
			wantReads(t, f.analyze("SELECT * FROM t"), "t")
			if a := f.analyze("SELECT * FROM late"); a.Uncacheable == "" {
				t.Error("a table without triggers is cached")
			}
			if got := schemaOf(t, db); got != before {
				t.Errorf("the schema became\n%s", got)
			}
		})
	}
}

// Connections that begin their transactions with a lock do not make polls
// wait for one.
func TestPollsTakeNoWriteLock(t *testing.T) {
	t.Parallel()
	_, db, f := captured(t, quick+"&_txlock=exclusive")
	mustExec(t, db, "UPDATE t SET v = 8 WHERE id = 1", "BEGIN IMMEDIATE", "UPDATE t SET v = 9 WHERE id = 2")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	delta, err := f.reader.Poll(ctx, f.cursor)
	if err != nil {
		t.Fatal(err)
	}
	wantKeys(t, delta, 1)
	mustExec(t, db, "COMMIT")
}
