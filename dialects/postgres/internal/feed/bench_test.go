package feed

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// BenchmarkPoll measures one poll of a database with 100 tables: one that finds
// nothing, one that also looks at the capture, and one that finds 1000 rows.
func BenchmarkPoll(b *testing.B) {
	d := server.Postgres(b)
	for i := range 100 {
		fixtureExec(b, d.DB(), fmt.Sprintf("CREATE TABLE t%d (id bigint PRIMARY KEY, a text, b text, c int)", i))
	}
	fixtureInstallWith(b, d.DB(), listen.InstallOptions{})
	f := follow(b, d.SocketDSN())
	poll := func(b *testing.B, checked time.Time) listen.Delta {
		b.Helper()
		f.reader.checked = checked
		delta, err := f.reader.Poll(context.Background(), f.cursor)
		if err != nil {
			b.Fatal(err)
		}
		f.cursor = delta.Cursor
		return delta
	}
	never := time.Now().Add(time.Hour)
	b.Run("idle", func(b *testing.B) {
		for b.Loop() {
			poll(b, never)
		}
	})
	b.Run("checked", func(b *testing.B) {
		for b.Loop() {
			poll(b, time.Time{})
		}
	})
	b.Run("1000", func(b *testing.B) {
		// The same rows again and again.
		before := f.cursor
		fixtureExec(b, d.DB(), "DO $$BEGIN FOR i IN 1..1000 LOOP INSERT INTO t1 (id) VALUES (i); END LOOP; END$$")
		for b.Loop() {
			f.cursor = before
			if n := len(poll(b, never).Changes); n != 1000 {
				b.Fatalf("%d changes", n)
			}
		}
	})
	b.Run("schema", func(b *testing.B) {
		for b.Loop() {
			if err := f.reader.adopt(b.Context(), ""); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkProbe asks a connection where it is, and with which settings.
func BenchmarkProbe(b *testing.B) {
	db := server.Postgres(b).DB()
	for b.Loop() {
		var text string
		if err := db.QueryRowContext(b.Context(), probeSQL).Scan(&text); err != nil {
			b.Fatal(err)
		}
	}
}
