//go:build go1.27

package pgx_test

import (
	"context"
	"database/sql"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb/server"
)

// price is a destination for composite types of which only some have cents.
type price struct{ Amount, Cents int32 }

// TestScanTypesOfOneName: values of composite types that share a name, or have that of a
// type of the server, come from memory as from the database, also on a connection that
// does not know them.
func TestScanTypesOfOneName(t *testing.T) {
	d := server.Postgres(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	if _, err := d.DB().ExecContext(ctx, `CREATE SCHEMA a; CREATE SCHEMA b;
		CREATE TYPE b.price AS (amount int4, cents int4); CREATE TYPE a.price AS (amount int4);
		CREATE TYPE b.line AS (amount int4, cents int4); CREATE TYPE b."Point" AS (amount int4, cents int4);
		CREATE TABLE t (id int, p b.price, q a.price, l b.line, r b."Point");
		INSERT INTO t VALUES (1, ROW(12, 50), ROW(12), ROW(12, 50), ROW(12, 50))`); err != nil {
		t.Fatal(err)
	}
	config, err := pgx.ParseConfig(d.DSN())
	if err != nil {
		t.Fatal(err)
	}
	var registers atomic.Bool
	connector := stdlib.GetConnector(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		if !registers.Load() {
			return nil
		}
		types, err := conn.LoadTypes(ctx, []string{"b.price", "b.line", "a.price"})
		if err != nil {
			return err
		}
		conn.TypeMap().RegisterTypes(types)
		point, err := conn.LoadType(ctx, `b."Point"`)
		if err != nil {
			return err
		}
		point.Name = "Point"
		conn.TypeMap().RegisterType(point)
		return nil
	}))
	raw := sql.OpenDB(connector)
	defer raw.Close()
	live, err := livesql.OpenDB(ctx, "pgx", connector, calm(livesql.AutoInstall())...)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()

	registers.Store(true)
	knows, err := live.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer knows.Close()
	rawKnows, err := raw.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer rawKnows.Close()
	if err := live.WaitCached(ctx, "SELECT id FROM t"); err != nil {
		t.Fatal(err)
	}
	columns := []string{"p", "q", "l", "r"}
	scan := func(db querier, column string) (p price, err error) {
		err = db.QueryRowContext(ctx, "SELECT "+column+" FROM t").Scan(&p)
		return p, err
	}
	same := func(cached, asked querier) {
		t.Helper()
		for _, column := range columns {
			want, wantErr := scan(asked, column)
			got, err := scan(cached, column)
			if got != want || !reflect.DeepEqual(message(err), message(wantErr)) {
				t.Errorf("%s: %v, %v; want %v, %v", column, got, err, want, wantErr)
			}
		}
	}
	for range 2 { // the first fills
		same(knows, rawKnows)
	}
	registers.Store(false)
	before := live.CacheStats()
	same(live, raw)
	if hits := live.CacheStats().Hits - before.Hits; hits != uint64(len(columns)) {
		t.Errorf("%d of %d came from memory", hits, len(columns))
	}
}

// querier is a pool, or one of its connections.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestScanOfTexts: in the modes in which the server sends nothing but texts, too, memory
// gives what the database gives.
func TestScanOfTexts(t *testing.T) {
	d := server.Postgres(t)
	if _, err := d.DB().ExecContext(t.Context(), "CREATE TABLE anchor (id int); INSERT INTO anchor VALUES (1), (2)"); err != nil {
		t.Fatal(err)
	}
	values := []string{
		"true", "false", "42::int2", "-42::int4", "42::int8", "4000000000::oid", "'7'::xid", "'8'::cid", "1.5::float4", "0.1::float4", "1e23::float8", "'-Infinity'::float8",
		"decode('00ff', 'hex')", "''::bytea", "'2026-11-27'::date", "'0044-03-15 BC'::date", "'infinity'::date", "'2026-11-27 10:11:12.120'::timestamp",
		"'2026-11-27 10:11:12+05:30'::timestamptz", "'1890-01-01'::timestamptz", "'-infinity'::timestamptz", "'12026-01-01'::timestamptz",
		"NULL::int4", "NULL::bytea", "NULL::timestamptz", "'text'::text", "array[1, 2]", "array['1 day'::interval]", "NULL::text[]",
	}
	destinations := []func() any{
		into[pgtype.DriverBytes], into[pgtype.PreallocBytes], into[pgtype.UndecodedBytes], into[[]int], into[[]string], into[[]time.Time], into[[2]float64],
		into[map[string]any], into[struct{ A, B int }], into[digits], into[moment], into[*moment], into[pgtype.FlatArray[byte]], into[pgtype.Array[int64]],
		into[pgtype.Range[pgtype.Date]], into[string], into[any], into[pgtype.Timestamptz],
	}
	for _, mode := range []string{"exec", "simple_protocol", "describe_exec"} {
		for _, zone := range []string{"UTC", "Europe/Berlin"} {
			t.Run(mode+" in "+zone, func(t *testing.T) {
				raw, live := bothWith(t, d.DSN("default_query_exec_mode="+mode, "timezone="+zone))
				for _, value := range values {
					if zone != "UTC" && strings.HasSuffix(value, "::timestamptz") && mode != "describe_exec" {
						continue // is not kept: TestTypes
					}
					query := "SELECT " + value + " FROM anchor WHERE id = 1"
					await(t, live, query)
					for _, dest := range destinations {
						fromMemory(t, live, raw.QueryContext, live.QueryContext, query, dest)
					}
				}
				// What is prepared comes in binary in each of the modes.
				for _, value := range values[:20] {
					query := "SELECT " + value + " FROM anchor WHERE id = 2"
					asked, cached := prepared(t, raw, query), prepared(t, live.DB, query)
					for range 2 { // the first fills
						scannedOne(t.Context(), cached, query, destinations[0])
					}
					for _, dest := range destinations {
						fromMemory(t, live, asked, cached, query, dest)
					}
				}
			})
		}
		t.Run(mode+" in German", func(t *testing.T) {
			raw, live := bothWith(t, d.DSN("default_query_exec_mode="+mode, "datestyle=German"))
			query := "SELECT '2026-11-27'::date FROM anchor WHERE id = 1"
			dest := destinations[0]
			if mode == "describe_exec" {
				await(t, live, query)
			}
			for range 3 {
				want, got := scannedOne(t.Context(), raw.QueryContext, query, dest), scannedOne(t.Context(), live.QueryContext, query, dest)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%v, want %v", got, want)
				}
			}
		})
	}
}

// moment takes times from pgx.
type moment struct{ v any }

func (m *moment) ScanDate(v pgtype.Date) error {
	m.v = v
	return nil
}

func (m *moment) ScanTimestamp(v pgtype.Timestamp) error {
	m.v = v
	return nil
}

func (m *moment) ScanTimestamptz(v pgtype.Timestamptz) error {
	m.v = v
	return nil
}

// bothWith opens a database without livesql, and with it.
func bothWith(t *testing.T, dsn string) (raw *sql.DB, live *livesql.DB) {
	t.Helper()
	raw, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	live, err = livesql.Open(t.Context(), "pgx", dsn, calm(livesql.AutoInstall())...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { live.Close() })
	return raw, live
}

// await waits until the result of a query is kept.
func await(t *testing.T, live *livesql.DB, query string) {
	t.Helper()
	soon, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := live.WaitCached(soon, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// asks is how rows are come by.
type asks func(ctx context.Context, query string, args ...any) (*sql.Rows, error)

// prepared prepares a query, which is then the only one that can be asked.
func prepared(t *testing.T, db *sql.DB, query string) asks {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	stmt, err := conn.PrepareContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stmt.Close() })
	return func(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
		return stmt.QueryContext(ctx, args...)
	}
}

// fromMemory requires that memory gives what the database gives.
func fromMemory(t *testing.T, live *livesql.DB, asked, cached asks, query string, dest func() any) {
	t.Helper()
	before := live.CacheStats()
	compare(t, query, dest,
		func() outcome { return scannedOne(t.Context(), asked, query, dest) },
		func() outcome { return scannedOne(t.Context(), cached, query, dest) })
	if live.CacheStats().Hits == before.Hits {
		t.Errorf("%s into %T: nothing from memory", query, dest())
	}
}

// scannedOne scans the one column of a row.
func scannedOne(ctx context.Context, ask asks, query string, dest func() any) (o outcome) {
	rows, err := ask(ctx, query)
	if err != nil {
		return outcome{err: err.Error()}
	}
	defer rows.Close()
	for rows.Next() {
		into := dest()
		o.err = message(rows.Scan(into))
		o.values = append(o.values, pointees(reflect.ValueOf(into).Elem()))
	}
	if err := rows.Err(); err != nil {
		o.err = err.Error()
	}
	return o
}
