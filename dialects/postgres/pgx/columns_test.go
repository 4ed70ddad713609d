package pgx

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/testdb/server"
)

type (
	named    string
	document struct {
		A int
		B []string
	}
	point struct{ X, Y float64 }
	// digits takes a number from pgx, and not from database/sql.
	digits struct{ n int64 }
)

func (d *digits) ScanInt64(n pgtype.Int8) error {
	d.n = n.Int64
	return nil
}

type (
	fraction struct{ v pgtype.Float8 }
	verdict  struct{ v pgtype.Bool }
)

func (f *fraction) ScanFloat64(v pgtype.Float8) error {
	f.v = v
	return nil
}

func (v *verdict) ScanBool(b pgtype.Bool) error {
	v.v = b
	return nil
}

// moment takes times from pgx, and not from database/sql.
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

// destinations are those that pgx scans into by itself, with values for them.
var destinations = []struct {
	column string
	dest   any
}{
	{"array['John', 'Jane', NULL]::text[]", []*string(nil)},
	{"array[]::int4[]", []int32(nil)},
	{"NULL::int4[]", []int32{7}},
	{"array[1, 2, 3]", []int(nil)},
	{"array[1, 2, 3]", [3]int64{}},
	{"array[1, 2, 3]::int2[]", pgtype.FlatArray[byte](nil)},
	{"'{{1,2},{3,4}}'::int8[]", pgtype.Array[int64]{}},
	{"array['2026-11-27 10:00+02', 'infinity']::timestamptz[]", pgtype.FlatArray[pgtype.Timestamptz](nil)},
	{"int4range(1, 5)", pgtype.Range[pgtype.Int4]{}},
	{"int4multirange(int4range(1, 5), int4range(7, 9))", pgtype.Multirange[pgtype.Range[pgtype.Int4]](nil)},
	{`'{"A": 1, "B": ["x"]}'::json`, document{}},
	{`'{"A": 1, "B": ["x"]}'::jsonb`, map[string]any(nil)},
	{"NULL::jsonb", map[string]any{"was": "there"}},
	{"'a1b2c3d4-0000-4000-8000-00000000000f'::uuid", [16]byte{}},
	{"'10.1.2.3'::inet", netip.Addr{}},
	{"'10.1.0.0/16'::cidr", netip.Prefix{}},
	{"decode('6162', 'hex')", pgtype.PreallocBytes(nil)},
	{"decode('0061', 'hex')", pgtype.DriverBytes(nil)},
	{"'ab'::text", pgtype.DriverBytes(nil)},
	{"42::int2", digits{}},
	{"42::int4", digits{}},
	{"-42::int8", digits{}},
	{"4000000000::oid", digits{}},
	{"1.5::float4", fraction{}},
	{"1.1::float8", fraction{}},
	{"true", verdict{}},
	{"'2026-11-27'::date", moment{}},
	{"'0044-03-15 BC'::date", moment{}},
	{"'2026-11-27 10:11:12.345678'::timestamp", moment{}},
	{"'2026-11-27 10:11:12.345678+05:30'::timestamptz", moment{}},
	{"NULL::timestamptz", pgtype.DriverBytes{1}},
	{"'infinity'::date", moment{}},
	{"'-infinity'::date", moment{}},
	{"'infinity'::timestamp", moment{}},
	{"'-infinity'::timestamp", moment{}},
	{"'infinity'::timestamptz", moment{}},
	{"'-infinity'::timestamptz", moment{}},
	{"'infinity'::timestamptz", []string(nil)}, // an error
	{"'2026-11-27'::date", []string(nil)},      // an error
	{"ROW(1, 'x')", []any(nil)},
	{"'(1,2)'::point", point{}}, // an error
	{"42::int4", []int(nil)},    // an error
	{"'sunny'::weather", []string(nil)},
	{"'one'::named", map[string]string(nil)}, // an error
}

// TestColumns: scanning what pgx made of a column gives what scanning the column
// gives.
func TestColumns(t *testing.T) {
	d := server.Postgres(t)
	exec(t, d, "CREATE TYPE weather AS ENUM ('sunny')", "CREATE DOMAIN named AS text")
	conn, err := connectorOf(t, d.DSN()).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	std := conn.(*stdlib.Conn).Conn()
	for _, tt := range destinations {
		t.Run(fmt.Sprintf("%s into %T", tt.column, tt.dest), func(t *testing.T) {
			want, got := reflect.New(reflect.TypeOf(tt.dest)), reflect.New(reflect.TypeOf(tt.dest))
			want.Elem().Set(reflect.ValueOf(tt.dest))
			got.Elem().Set(reflect.ValueOf(tt.dest))
			wantErr := natively(t, std, tt.column, want.Interface())
			column, v := valueOf(t, conn, tt.column)
			if !(columns{}).Scans(got.Interface()) {
				t.Fatal("pgx is said not to scan it")
			}
			if !(columns{}).Knows(conn, column) {
				t.Fatalf("the type %s is not known", column)
			}
			err := (columns{}).Scan(conn, column, v, got.Interface())
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%v, want %v", err, wantErr)
			}
			if !reflect.DeepEqual(got.Interface(), want.Interface()) {
				t.Errorf("%#v, want %#v", got.Elem(), want.Elem())
			}
		})
	}
}

// natively scans as rows of pgx's stdlib do.
func natively(t *testing.T, conn *pgx.Conn, column string, dest any) error {
	t.Helper()
	// As its databaseSQLResultFormats.
	formats := pgx.QueryResultFormatsByOID{
		pgtype.BoolOID: 1, pgtype.ByteaOID: 1, pgtype.CIDOID: 1, pgtype.DateOID: 1, pgtype.Float4OID: 1, pgtype.Float8OID: 1,
		pgtype.Int2OID: 1, pgtype.Int4OID: 1, pgtype.Int8OID: 1, pgtype.OIDOID: 1, pgtype.TimestampOID: 1, pgtype.TimestamptzOID: 1, pgtype.XIDOID: 1,
	}
	rows, err := conn.Query(t.Context(), "SELECT "+column, formats)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	field, raw := rows.FieldDescriptions()[0], append([]byte(nil), rows.RawValues()[0]...)
	if rows.RawValues()[0] == nil {
		raw = nil
	}
	return conn.TypeMap().Scan(field.DataTypeOID, field.Format, raw, dest)
}

// valueOf returns what pgx's stdlib makes of a column, and what it calls its type.
func valueOf(t *testing.T, conn sqldriver.Conn, column string) (string, sqldriver.Value) {
	t.Helper()
	rows, err := conn.(sqldriver.QueryerContext).QueryContext(t.Context(), "SELECT "+column, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	row := make([]sqldriver.Value, 1)
	if err := rows.Next(row); err != nil {
		t.Fatal(err)
	}
	return rows.(sqldriver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(0), row[0]
}

// TestNotInfinite: a text is no time but for two.
func TestNotInfinite(t *testing.T) {
	conn, err := connectorOf(t, server.Postgres(t).DSN()).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, typ := range []string{"DATE", "INT4"} {
		if err := (columns{}).Scan(conn, typ, "tomorrow", new(pgtype.DriverBytes)); err == nil {
			t.Errorf("a text is a value of type %s", typ)
		}
	}
}

// TestPlain: into what database/sql converts.
func TestPlain(t *testing.T) {
	type circle *circle
	var c circle
	for _, dest := range []any{
		new(string), new(int64), new(int), new(bool), new(float64), new(time.Time), new([]byte), new(sql.RawBytes), new(any),
		new(named), new(int8), new(uint16), new(float32), new(*string), new(**any), new(sql.NullString), new(*sql.NullInt64),
		new(pgtype.Int4), new(pgtype.UUID), new(time.Duration), new(context.Context), new(sqldriver.Value), new(struct{ sql.NullString }),
	} {
		if (columns{}).Scans(dest) {
			t.Errorf("%T is said to be pgx's", dest)
		}
	}
	for _, dest := range []any{
		nil, (*string)(nil), (*int64)(nil), (*int)(nil), (*bool)(nil), (*float64)(nil), (*time.Time)(nil), (*[]byte)(nil),
		(*sql.RawBytes)(nil), (*any)(nil), (*sql.NullString)(nil), (*[]int32)(nil),
	} {
		if !(columns{}).Scans(dest) {
			t.Errorf("%T is said to be database/sql's", dest)
		}
		if err := (columns{}).Scan(nil, "INT4", int64(1), dest); err == nil {
			t.Errorf("scanned into %T", dest)
		}
	}
	if !(columns{}).Scans(c) || !(columns{}).Scans(&c) || !(columns{}).Scans(new([]string)) {
		t.Error("database/sql does not convert into these")
	}
}

// TestUnknownColumns: what cannot be scanned again is not promised to be.
func TestUnknownColumns(t *testing.T) {
	conn, err := connectorOf(t, server.Postgres(t).DSN()).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for typ, want := range map[string]bool{"INT4": true, "_TEXT": true, "16999": true, "": false, "-1": false, "no such": false, "99999999999": false} {
		if got := (columns{}).Knows(conn, typ); got != want {
			t.Errorf("%q: known %t", typ, got)
		}
		if want {
			continue
		}
		if err := (columns{}).Scan(conn, typ, "x", new([]string)); err == nil {
			t.Errorf("scanned a %q", typ)
		}
	}
	stranger := struct{ sqldriver.Conn }{conn}
	if (columns{}).Knows(stranger, "INT4") {
		t.Error("a connection of another type was taken for one of pgx's")
	}
	if err := (columns{}).Scan(stranger, "INT4", int64(1), new([]string)); err == nil {
		t.Error("scanned with a connection of another type")
	}
}
