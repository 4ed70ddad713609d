package orm

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/sqlstore"
)

// article is a row as edit sessions and bun map it.
type article struct {
	bun.BaseModel `bun:"table:article,alias:article" db:"-"`

	ID      int64  `bun:"id,pk" db:"id,pk"`
	Name    string `bun:"name" db:"name"`
	Price   int64  `bun:"price" db:"price"`
	Stock   int64  `bun:"stock" db:"stock"`
	Version int64  `bun:"version" db:"version,version"`
}

// BenchmarkBulkUpdate changes two columns of a thousand rows, by edit sessions and
// by bun's bulk update, in turns, on the same server and through the same driver.
// The sessions check that each row is the one that they saw, and tell the outcome
// of each; bun does neither. It reports how many times the time of the sessions
// bun takes, both at their median: above 1, the sessions are quicker.
func BenchmarkBulkUpdate(b *testing.B) {
	const rows = 1000
	for _, e := range engines() {
		if e.bind != "postgres" {
			continue // MySQL and MariaDB do not take the statement that bun makes
		}
		b.Run(e.name, func(b *testing.B) {
			ctx := context.Background()
			dsn := e.open(b)
			open := func() *sql.DB {
				db, err := sql.Open(e.plain, dsn)
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = db.Close() })
				return db
			}
			db := open()
			var values []string
			for i := range 2 * rows { // the first half is of the sessions
				values = append(values, fmt.Sprintf("(%d, 'article %d', 0, 0, 1)", i+1, i+1))
			}
			for _, statement := range []string{
				"CREATE TABLE article (id BIGINT PRIMARY KEY, name TEXT NOT NULL, price BIGINT NOT NULL, stock BIGINT NOT NULL, version BIGINT NOT NULL)",
				"INSERT INTO article VALUES " + strings.Join(values, ", "),
			} {
				if _, err := db.ExecContext(ctx, statement); err != nil {
					b.Fatal(err)
				}
			}

			store := sqlstore.New(open(), dialects.Postgres)
			b.Cleanup(func() { _ = store.Close() })
			table, err := sqlstore.Table[article](ctx, store, "", "article")
			if err != nil {
				b.Fatal(err)
			}
			writer := edit.NewWriter(store)
			b.Cleanup(func() { _ = writer.Close() })
			editor, err := edit.NewEditor[int64, article](writer, table)
			if err != nil {
				b.Fatal(err)
			}
			sessions := make([]*edit.RecordEdit[int64, article], rows)
			for i := range sessions {
				if sessions[i], err = editor.Edit(ctx, int64(i+1)); err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { _ = sessions[i].Close() })
			}
			saves := make([]*edit.Pending[int64, article], rows)

			orm := bun.NewDB(db, pgdialect.New())
			models := make([]article, rows)
			for i := range models {
				models[i] = article{ID: int64(rows + i + 1), Version: 1}
			}

			var ours, theirs []time.Duration
			for b.Loop() {
				began := time.Now()
				for i, s := range sessions {
					s.V.Price++
					s.V.Stock += 2
					saves[i] = s.SaveAsync()
				}
				for _, p := range saves {
					if _, err := p.Wait(ctx); err != nil {
						b.Fatal(err)
					}
				}
				between := time.Now()
				for i := range models {
					models[i].Price++
					models[i].Stock += 2
					models[i].Version++
				}
				if _, err := orm.NewUpdate().Model(&models).Column("price", "stock", "version").Bulk().Exec(ctx); err != nil {
					b.Fatal(err)
				}
				ours, theirs = append(ours, between.Sub(began)), append(theirs, time.Since(between))
			}
			var done int
			round := len(ours)
			query := fmt.Sprintf("SELECT count(*) FROM article WHERE price = %d AND stock = %d AND version = %d", round, 2*round, round+1)
			if err := db.QueryRowContext(ctx, query).Scan(&done); err != nil || done != 2*rows {
				b.Errorf("%d of %d rows were written, %v", done, 2*rows, err)
			}
			slices.Sort(ours)
			slices.Sort(theirs)
			mine, others := ours[len(ours)/2], theirs[len(theirs)/2]
			b.ReportMetric(float64(others)/float64(mine), "bun/ours")
			b.ReportMetric(float64(mine.Microseconds())/1000, "ms/ours")
			b.ReportMetric(float64(others.Microseconds())/1000, "ms/bun")
		})
	}
}
