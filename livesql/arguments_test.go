package livesql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/livesql"
	"github.com/vantage-go/live/testdb"
)

// TestTakes: what a dialect says of its driver, that it treats an argument as
// database/sql does, is true of the driver's connections and statements.
func TestTakes(t *testing.T) {
	t.Parallel()
	type text string
	values := []any{
		nil, true, 1, int8(-2), int16(3), int32(-4), int64(5), uint(6), uint8(7), uint16(8), uint32(9), uint64(10), uint64(1 << 63),
		float32(1.5), 2.5, "x", []byte("y"), []byte(nil), text("z"), time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), time.Minute,
		new(int), (*int)(nil),
		sql.NullString{},
		sql.NullInt64{Int64: 1, Valid: true},
		money{5},
		[]int{1},
		[3]byte{},
		struct{}{},
	}
	for _, e := range engines() {
		t.Run(e.dialect, func(t *testing.T) {
			t.Parallel()
			taken := 0
			d, err := dialects.Lookup(e.dialect)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := dialectConnector(t, e.dialect, e.dsn(t)).Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			st, err := conn.Prepare("SELECT 1")
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			for _, v := range values {
				if !d.Takes(v) {
					continue
				}
				taken++
				want, wantErr := sqldriver.DefaultParameterConverter.ConvertValue(v)
				for what, by := range map[string]any{"connection": conn, "statement": st} {
					nv := sqldriver.NamedValue{Ordinal: 1, Value: v}
					err := sqldriver.ErrSkip // without a checker, database/sql asks the converter
					if c, ok := by.(sqldriver.NamedValueChecker); ok {
						err = c.CheckNamedValue(&nv)
					}
					if errors.Is(err, sqldriver.ErrSkip) {
						converter := sqldriver.ValueConverter(sqldriver.DefaultParameterConverter)
						if c, ok := by.(sqldriver.ColumnConverter); ok { //nolint:staticcheck // database/sql still looks for it
							converter = c.ColumnConverter(0)
						}
						nv.Value, err = converter.ConvertValue(v)
					}
					if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(nv.Value, want) {
						t.Errorf("%s, %T %v: %T %v (%v), by database/sql %T %v (%v)", what, v, v, nv.Value, nv.Value, err, want, want, wantErr)
					}
				}
			}
			if taken < 6 {
				t.Errorf("only %d values are taken", taken)
			}
		})
	}
}

// loud is a connector of somebody who has a say in arguments: texts are in capitals.
type loud struct{ sqldriver.Connector }

func (l loud) Connect(ctx context.Context) (sqldriver.Conn, error) {
	c, err := l.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return loudConn{c, c.(sqldriver.QueryerContext), c.(sqldriver.ExecerContext)}, nil
}

type loudConn struct {
	sqldriver.Conn
	sqldriver.QueryerContext
	sqldriver.ExecerContext
}

func (loudConn) CheckNamedValue(nv *sqldriver.NamedValue) error {
	if text, ok := nv.Value.(string); ok {
		nv.Value = strings.ToUpper(text)
	}
	return sqldriver.ErrSkip
}

// TestArgumentsOfStrangers: a connector around a driver's own may change arguments.
// It is asked about all of them, whether or not a connection has been dialled and
// whether or not the answer is in memory, as far as database/sql would ask it: not
// where the driver has every statement prepared, and a checker for those.
func TestArgumentsOfStrangers(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.dialect, func(t *testing.T) {
			t.Parallel()
			dsn := e.dsn(t)
			plain := connect(t, e.driver, dsn)
			for _, statement := range e.schema {
				plain.MustExec(statement)
			}
			first, second := "?", "?"
			if e.bind == "postgres" {
				first, second = "$1", "$2"
			}
			insert := "INSERT INTO item (id, name) VALUES (" + first + ", " + second + ")"
			stranger := sql.OpenDB(loud{dialectConnector(t, e.dialect, dsn)})
			defer stranger.Close()
			if _, err := stranger.ExecContext(t.Context(), insert, 2, "oat"); err != nil {
				t.Fatal(err)
			}
			var want string
			if err := plain.QueryRowContext(t.Context(), "SELECT name FROM item WHERE id = 2").Scan(&want); err != nil || want == "oat" != (e.dialect == "mysql") {
				t.Fatalf("without livesql: wrote %q, %v", want, err)
			}
			for _, shell := range []bool{true, false} {
				plain.MustExec("DELETE FROM item")
				plain.MustExec("INSERT INTO item (id, name) VALUES (1, 'RYE')")
				db, _ := testdb.Scripted(t, e.dialect, loud{dialectConnector(t, e.dialect, dsn)}, testdb.Tables("item"), testdb.Options(calm()...))
				if !shell {
					if err := db.PingContext(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				read := "SELECT id FROM item WHERE name = " + first
				st, err := db.PrepareContext(t.Context(), read)
				if err != nil {
					t.Fatal(err)
				}
				defer st.Close()
				for range 3 {
					var id int
					if err := db.QueryRowContext(t.Context(), read, "rye").Scan(&id); err != nil {
						t.Errorf("shell %v: %v", shell, err)
					}
					if err := st.QueryRowContext(t.Context(), "rye").Scan(&id); err != nil {
						t.Errorf("shell %v, prepared: %v", shell, err)
					}
				}
				if db.CacheStats().Hits == 0 {
					t.Errorf("shell %v: no hits", shell)
				}
				if _, err := db.ExecContext(t.Context(), insert, 2, "oat"); err != nil {
					t.Fatal(err)
				}
				var name string
				if err := plain.QueryRowContext(t.Context(), "SELECT name FROM item WHERE id = 2").Scan(&name); err != nil || name != want {
					t.Errorf("shell %v: wrote %q, %v, want %q", shell, name, err, want)
				}
			}
		})
	}
}

// TestNative: a dialect knows the connectors of its own driver, in whatever way they
// were made, and no others.
func TestNative(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		d, err := dialects.Lookup(e.dialect)
		if err != nil {
			t.Fatal(err)
		}
		n := d.(interface {
			Native(c sqldriver.Connector) bool
		})
		own := dialectConnector(t, e.dialect, e.dsn(t))
		wrapped, err := livesql.NewConnector(e.dialect, own)
		if err != nil {
			t.Fatal(err)
		}
		if made := stdlib.GetConnector(pgx.ConnConfig{}); n.Native(made) != (e.dialect == "pgx") {
			t.Errorf("%s: %v of a connector that pgx has made of a configuration", e.dialect, n.Native(made))
		}
		if !n.Native(own) || n.Native(loud{own}) || n.Native(wrapped) {
			t.Errorf("%s: own %v, around it %v, livesql's %v", e.dialect, n.Native(own), n.Native(loud{own}), n.Native(wrapped))
		}
	}
}
