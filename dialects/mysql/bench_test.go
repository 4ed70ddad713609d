package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/testdb/server"
)

// benchReader is a reader of a database with so many captured tables, on a
// server with another database of as many.
func benchReader(b *testing.B, tables int) (*reader, *sql.DB) {
	b.Helper()
	var db *server.Database
	for range 2 {
		db = server.MariaDB(b)
		for i := range tables {
			if _, err := db.DB().Exec(fmt.Sprintf("CREATE TABLE t%d (id INT AUTO_INCREMENT PRIMARY KEY, v INT, name VARCHAR(50), KEY (name))", i)); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := (Dialect{}).Install(b.Context(), db.DB(), listen.InstallOptions{}); err != nil {
			b.Fatal(err)
		}
	}
	connector, err := Dialect{}.Connector(db.SocketDSN())
	if err != nil {
		b.Fatal(err)
	}
	backend, err := Dialect{}.Backend(listen.BackendConfig{Connector: connector, DSN: db.SocketDSN(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	r, err := backend.Connect(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.Close(); err != nil {
			b.Error(err)
		}
		if err := backend.Close(); err != nil {
			b.Error(err)
		}
	})
	return r.(*reader), db.DB()
}

// BenchmarkPoll is a poll that finds nothing, without and with a look at the
// schema.
func BenchmarkPoll(b *testing.B) {
	for _, tables := range []int{10, 100} {
		r, _ := benchReader(b, tables)
		first, err := r.Poll(context.Background(), nil)
		if err != nil {
			b.Fatal(err)
		}
		for _, look := range []bool{false, true} {
			b.Run(fmt.Sprintf("tables=%d/look=%v", tables, look), func(b *testing.B) {
				for b.Loop() {
					if _, err := r.poll(context.Background(), first.Cursor, look); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkRights is what a look costs, and which part of that the rights are.
func BenchmarkRights(b *testing.B) {
	for _, tables := range []int{10, 100} {
		r, _ := benchReader(b, tables)
		b.Run(fmt.Sprintf("tables=%d", tables), func(b *testing.B) {
			ask := func(query string) time.Duration {
				start := time.Now()
				if err := each(b.Context(), r.conn, query, func(scanFunc) error { return nil }); err != nil {
					b.Fatal(err)
				}
				return time.Since(start)
			}
			var looks, rights []time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := takeFingerprint(b.Context(), r.conn, r.server); err != nil {
					b.Fatal(err)
				}
				looks = append(looks, time.Since(start))
				rights = append(rights, ask(strings.Join(r.server.rightsParts(), " UNION ALL "))-ask("SELECT 1"))
			}
			slices.Sort(looks)
			slices.Sort(rights)
			b.ReportMetric(float64(rights[len(rights)/2])/float64(looks[len(looks)/2]), "of-a-look")
		})
	}
}

// BenchmarkWrite is what capture costs a writer: a row inserted by itself, and
// a thousand updated at once.
func BenchmarkWrite(b *testing.B) {
	_, db := benchReader(b, 1)
	for _, captured := range []bool{true, false} {
		if !captured {
			if err := (Dialect{}).Uninstall(b.Context(), db, listen.UninstallOptions{Tables: []string{"t0"}}); err != nil {
				b.Fatal(err)
			}
		}
		for _, step := range []struct{ name, statement string }{
			{"insert", "INSERT INTO t0 (v, name) VALUES (1, 'x')"},
			{"update1000", "UPDATE t0 SET v = v + 1 WHERE id <= 1000"},
		} {
			b.Run(fmt.Sprintf("captured=%v/%s", captured, step.name), func(b *testing.B) {
				if _, err := db.Exec("REPLACE INTO t0 SELECT seq, 1, 'x' FROM seq_1_to_1000"); err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := db.Exec(step.statement); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
