package sqlstore_test

import (
	"context"
	sqldriver "database/sql/driver"
	"io"
	"strings"
	"testing"

	_ "github.com/vantage-go/live/dialects/mysql"
	_ "github.com/vantage-go/live/dialects/postgres"
	_ "github.com/vantage-go/live/dialects/postgres/pgx"
	_ "github.com/vantage-go/live/dialects/sqlite"
	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/livesql"
)

// TestThroughLivesql saves through livesql's own connections, which is how
// livesql uses the store.
func TestThroughLivesql(t *testing.T) {
	t.Parallel()
	dialects := map[string]string{"postgres": "postgres", "pgx": "pgx", "mariadb": "mysql", "sqlite": "sqlite"}
	for _, k := range allKits() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			b := k.start(t, func(inner sqldriver.Connector) sqldriver.Connector {
				c, err := livesql.NewConnector(dialects[strings.TrimSuffix(k.name, "_counted")], inner, livesql.NoInstall())
				if err != nil {
					t.Fatal(err)
				}
				if closer, ok := c.(io.Closer); ok {
					t.Cleanup(func() { _ = closer.Close() })
				}
				return c
			})
			b.exec("INSERT INTO bakery (id, name, version) VALUES (1000, 'Rye', 1), (1001, 'Bun', 1)")
			one, two := b.edit(1000), b.edit(1001)
			n := b.make(bakery{Name: "new"})
			one.V.Stock, two.V.Stock = 5, 6
			b.exec("UPDATE bakery SET city = 'Riga', version = version + 1 WHERE id = 1001")
			saves := []*edit.Pending[int64, bakery]{one.SaveAsync(), two.SaveAsync(), n.SaveAsync()}
			for _, p := range saves {
				if _, err := p.Wait(ctx); err != nil {
					t.Fatal(err)
				}
			}
			two.V.Stock, one.V.Stock = 7, -1
			if err := edit.Group(ctx, one, two); err == nil {
				t.Fatal("a stock below zero was saved")
			}
			if _, err := two.Save(ctx); err != nil {
				t.Fatal(err)
			}
			if got := count(b); got != 2 {
				t.Errorf("%d rows are right", got)
			}
		})
	}
}

func count(b *bench) int {
	b.Helper()
	return one[int](b, "SELECT COUNT(*) FROM bakery WHERE name = 'Rye' AND stock = 5 OR name = 'Bun' AND stock = 7 AND city = 'Riga'")
}
