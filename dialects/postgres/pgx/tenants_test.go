package pgx_test

import (
	"context"
	sqldriver "database/sql/driver"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	pgxdialect "github.com/vantage-go/live/dialects/postgres/pgx"
	"github.com/vantage-go/live/listen"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// tenant is where a context holds the schema that its statements mean.
type tenant struct{}

// enter has a connection mean the tables of the context's tenant.
func enter(ctx context.Context, conn *pgx.Conn) error {
	name, ok := ctx.Value(tenant{}).(string)
	if !ok {
		return nil // one of livesql's own
	}
	_, err := conn.Exec(ctx, "SET search_path = "+pgx.Identifier{name}.Sanitize())
	return err
}

// TestTenants: programs have pgx set up a connection for the context that takes it
// from the pool. Nobody gets what another tenant has read.
func TestTenants(t *testing.T) {
	t.Parallel()
	for name, connector := range map[string]func(t *testing.T, dsn string) sqldriver.Connector{
		"reset": func(t *testing.T, dsn string) sqldriver.Connector {
			t.Helper()
			config, err := pgx.ParseConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			return stdlib.GetConnector(*config, stdlib.OptionAfterConnect(enter), stdlib.OptionResetSession(enter))
		},
		"pool": func(t *testing.T, dsn string) sqldriver.Connector {
			t.Helper()
			config, err := pgxpool.ParseConfig(dsn)
			if err != nil {
				t.Fatal(err)
			}
			config.PrepareConn = func(ctx context.Context, conn *pgx.Conn) (bool, error) { return true, enter(ctx, conn) }
			pool, err := pgxpool.NewWithConfig(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			return stdlib.GetPoolConnector(pool)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := server.Postgres(t)
			for _, s := range []string{
				"CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE TABLE a.item (name text PRIMARY KEY)", "CREATE TABLE b.item (name text PRIMARY KEY)",
				"INSERT INTO a.item VALUES ('a')", "INSERT INTO b.item VALUES ('b')",
			} {
				if _, err := d.DB().ExecContext(t.Context(), s); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := (pgxdialect.Dialect{}).Install(t.Context(), d.DB(), listen.InstallOptions{}); err != nil {
				t.Fatal(err)
			}
			db, err := livesql.OpenDB(t.Context(), "pgx", connector(t, d.DSN()), calm(livesql.FeedDSN(d.DSN()))...)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if name == "pool" {
				db.SetMaxIdleConns(0) // as pgx demands
			}
			if err := db.Feed().WaitLive(t.Context()); err != nil {
				t.Fatal(err)
			}
			read := func(who, want string) {
				t.Helper()
				var got string
				if err := db.QueryRowContext(context.WithValue(t.Context(), tenant{}, who), "SELECT name FROM item").Scan(&got); err != nil || got != want {
					t.Errorf("%s reads %q, %v, want %q", who, got, err, want)
				}
			}
			for range 3 {
				for _, who := range []string{"a", "a", "b", "b", "a"} {
					read(who, who)
				}
			}
			if hits := db.CacheStats().Hits; hits == 0 && name == "reset" {
				t.Error("nothing is answered from memory")
			}
			if _, err := db.ExecContext(context.WithValue(t.Context(), tenant{}, "b"), "UPDATE item SET name = 'new'"); err != nil {
				t.Fatal(err)
			}
			read("b", "new")
			read("a", "a")
		})
	}
}

// TestVaries: the others are asked once.
func TestVaries(t *testing.T) {
	t.Parallel()
	const dsn = "host=/nowhere"
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	pool := func(change func(*pgxpool.Config)) sqldriver.Connector {
		t.Helper()
		config, err := pgxpool.ParseConfig(dsn)
		if err != nil {
			t.Fatal(err)
		}
		change(config)
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return stdlib.GetPoolConnector(pool)
	}
	named, err := pgxdialect.Dialect{}.Connector(dsn)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		connector sqldriver.Connector
		want      bool
	}{
		"a data source name":                   {named, false},
		"a configuration":                      {stdlib.GetConnector(*config), false},
		"one that is set up when it is opened": {stdlib.GetConnector(*config, stdlib.OptionAfterConnect(enter)), false},
		"one that is reset":                    {stdlib.GetConnector(*config, stdlib.OptionResetSession(enter)), true},
		"a pool":                               {pool(func(*pgxpool.Config) {}), false},
		"a pool that prepares": {pool(func(c *pgxpool.Config) {
			c.PrepareConn = func(context.Context, *pgx.Conn) (bool, error) { return true, nil }
		}), true},
		"another driver's": {mysql{}, false},
	} {
		if got := (pgxdialect.Dialect{}).Varies(c.connector); got != c.want {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

type mysql struct{ sqldriver.Connector }
