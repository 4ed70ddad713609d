package pgx

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
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
			number, v := valueOf(t, conn, tt.column)
			if scans, err := (columns{}).Scans(got.Interface()); !scans || err != nil {
				t.Fatal("pgx is said not to scan it", err)
			}
			err := (columns{}).Scan(conn, number, v, got.Interface())
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

// valueOf returns what pgx's stdlib makes of a column, and the number of its type.
func valueOf(t *testing.T, conn sqldriver.Conn, column string) (uint32, sqldriver.Value) {
	t.Helper()
	rows, err := conn.(sqldriver.QueryerContext).QueryContext(t.Context(), "SELECT "+column, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var number [1]uint32
	if !(columns{}).Types(conn, rows, number[:]) {
		t.Fatalf("%s: the type was not told", column)
	}
	row := make([]sqldriver.Value, 1)
	if err := rows.Next(row); err != nil {
		t.Fatal(err)
	}
	return number[0], row[0]
}

// TestNotInfinite: a text is no time but for two.
func TestNotInfinite(t *testing.T) {
	conn, err := connectorOf(t, server.Postgres(t).DSN()).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, typ := range []uint32{pgtype.DateOID, pgtype.Int4OID} {
		if err := (columns{}).Scan(conn, typ, "tomorrow", new(pgtype.DriverBytes)); err == nil {
			t.Errorf("a text is a value of type %d", typ)
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
		if scans, err := (columns{}).Scans(dest); scans || err != nil {
			t.Errorf("%T is said to be pgx's, %v", dest, err)
		}
	}
	for _, dest := range []any{
		nil, (*string)(nil), (*int64)(nil), (*int)(nil), (*bool)(nil), (*float64)(nil), (*time.Time)(nil), (*[]byte)(nil),
		(*sql.RawBytes)(nil), (*any)(nil), (*sql.NullString)(nil), (*[]int32)(nil),
	} {
		if _, err := (columns{}).Scans(dest); err == nil {
			t.Errorf("one can scan into %T", dest)
		}
	}
	c = &c
	for _, dest := range []any{c, &c, new([]string)} {
		if scans, err := (columns{}).Scans(dest); !scans || err != nil {
			t.Errorf("database/sql does not convert into %T, %v", dest, err)
		}
	}
}

// called are rows of columns of types that the map of their connection knows, or does
// not, and tells the names of as pgx does.
type called struct {
	sqldriver.Rows
	types *pgtype.Map
	oids  []uint32
}

func (c called) ColumnTypeDatabaseTypeName(i int) string {
	if t, ok := c.types.TypeForOID(c.oids[i]); ok {
		return strings.ToUpper(t.Name)
	}
	return strconv.FormatInt(int64(c.oids[i]), 10)
}

// misnamed has the names of types of the server's own and twice the same.
func misnamed() *pgtype.Map {
	types := pgtype.NewMap()
	for oid, name := range map[uint32]string{
		16401: "price", 16402: "price", 16403: "line", 16404: "Point", 16405: "23", 16406: "", pgtype.Int4OID: "int8", 4294967295: "last",
	} {
		types.RegisterType(&pgtype.Type{Name: name, OID: oid, Codec: pgtype.TextCodec{}})
	}
	return types
}

// unchanged requires of a map that it is as misnamed made it.
func unchanged(t *testing.T, types *pgtype.Map) {
	t.Helper()
	want := misnamed()
	for oid := range uint32(20000) {
		have, ok := types.TypeForOID(oid)
		was, known := want.TypeForOID(oid)
		if ok != known || ok && have.Name != was.Name {
			t.Errorf("the map has another type %d", oid)
		}
	}
	if len(types.TryWrapScanPlanFuncs) != len(want.TryWrapScanPlanFuncs) || len(types.TryWrapEncodePlanFuncs) != len(want.TryWrapEncodePlanFuncs) {
		t.Error("the map has other plans")
	}
}

// TestNumbers: every type is told apart, whatever the connection calls it, whose map
// stays as it is.
func TestNumbers(t *testing.T) {
	types := misnamed()
	want := []uint32{16401, 16402, 16403, 16404, 16405, 16406, 4294967295}
	for oid := range uint32(20000) {
		if oid > 0 {
			want = append(want, oid)
		}
	}
	got := make([]uint32, len(want))
	if !numbersOf(types, called{types: types, oids: want}, got) || !slices.Equal(got, want) {
		t.Errorf("took the types for others: %t", slices.Equal(got, want))
	}
	unchanged(t, types)
	// Those beyond builtin that pgx knows would have a name.
	own := pgtype.NewMap()
	for oid := uint32(builtin); oid < 1<<18; oid++ {
		if typ, ok := own.TypeForOID(oid); ok {
			t.Errorf("pgx knows %s by itself", typ.Name)
		}
	}
}

// TestNoNumbers: what is not told is not guessed, and the map stays as it is.
func TestNoNumbers(t *testing.T) {
	types, one := misnamed(), make([]uint32, 1)
	for _, name := range []string{"INT4", "PRICE", "", "0", "-1", "99999999999"} {
		if numbersOf(types, names{of: []string{name}}, one) {
			t.Errorf("%q is said to be %d", name, one[0])
		}
	}
	if numbersOf(types, called{types: misnamed(), oids: []uint32{pgtype.Int8OID}}, one) {
		t.Error("rows of another connection were believed")
	}
	func() {
		defer func() { _ = recover() }()
		numbersOf(types, names{}, one)
		t.Error("rows that panic do not")
	}()
	unchanged(t, types)
}

// names are rows of columns with types of these names.
type names struct {
	sqldriver.Rows
	of []string
}

func (n names) ColumnTypeDatabaseTypeName(i int) string { return n.of[i] }

// TestTypes: the types of columns are told of rows of pgx's stdlib, if their values can
// be scanned again.
func TestTypes(t *testing.T) {
	d := server.Postgres(t)
	const german, posix = "datestyle=German", "timezone=%3C%2B05%3E-05"
	times := "SELECT now()::date, now()::timestamp, now()"
	for _, tt := range []struct {
		mode, setting, query string
		want                 []uint32
	}{
		{"cache_statement", "", "SELECT 1, 'x'::text", []uint32{pgtype.Int4OID, pgtype.TextOID}},
		{"cache_describe", "", "SELECT 1", []uint32{pgtype.Int4OID}},
		{"describe_exec", "", "SELECT now()", []uint32{pgtype.TimestamptzOID}},
		{"describe_exec", german, times, []uint32{pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID}},
		{"exec", "", "SELECT 'x'::text, array[1]", []uint32{pgtype.TextOID, pgtype.Int4ArrayOID}},
		{"exec", "", "SELECT 'x'::text, 1", []uint32{pgtype.TextOID, asText + pgtype.Int4OID}},
		{"exec", "", times, []uint32{asText + pgtype.DateOID, asText + pgtype.TimestampOID, asText + pgtype.TimestamptzOID}},
		{"exec", german, "SELECT 1, 1.5::float8, true", []uint32{asText + pgtype.Int4OID, asText + pgtype.Float8OID, asText + pgtype.BoolOID}},
		{"exec", german, "SELECT 1, now()::date", nil},
		{"exec", german, "SELECT now()::timestamp", nil},
		{"exec", german, "SELECT now()", nil},
		{"exec", posix, "SELECT now()::date, now()::timestamp", []uint32{asText + pgtype.DateOID, asText + pgtype.TimestampOID}},
		{"exec", posix, "SELECT now()", nil},
		{"simple_protocol", "", "SELECT 'x'::text", []uint32{pgtype.TextOID}},
		{"simple_protocol", "", "SELECT decode('00', 'hex') WHERE false", []uint32{asText + pgtype.ByteaOID}},
		{"simple_protocol", "", "SELECT NULL::bytea", []uint32{asText + pgtype.ByteaOID}},
	} {
		conn, err := connectorOf(t, d.DSN("default_query_exec_mode="+tt.mode, tt.setting)).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		rows, err := conn.(sqldriver.QueryerContext).QueryContext(t.Context(), tt.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		numbers := make([]uint32, len(rows.Columns()))
		if ok := (columns{}).Types(conn, rows, numbers); ok != (tt.want != nil) || ok && !slices.Equal(numbers, tt.want) {
			t.Errorf("%s, mode %q: %d, %t; want %d", tt.query, tt.mode, numbers, ok, tt.want)
		}
		noRow := strings.HasSuffix(tt.query, "WHERE false") // which pgx panics at
		if n := testing.AllocsPerRun(10, func() { (columns{}).Types(conn, rows, numbers) }); n > 0 && !noRow {
			t.Errorf("%s, mode %q: %v allocations to tell the types", tt.query, tt.mode, n)
		}
		if (columns{}).Types(struct{ sqldriver.Conn }{conn}, rows, numbers) {
			t.Error("a connection of another type was taken for one of pgx's")
		}
		if (columns{}).Types(conn, struct{ sqldriver.Rows }{rows}, numbers) {
			t.Error("rows of another type were taken for pgx's")
		}
		if err := rows.Close(); err != nil {
			t.Error(err)
		}
		if err := (columns{}).Scan(struct{ sqldriver.Conn }{conn}, pgtype.Int4OID, int64(1), new([]string)); err == nil {
			t.Error("scanned with a connection of another type")
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// twoPrices are two types with the same name, that of a type of the server, and one that
// differs from such a name in its capital.
var twoPrices = []string{
	"CREATE SCHEMA a", "CREATE SCHEMA b",
	"CREATE TYPE b.price AS (amount int4, cents int4)", "CREATE TYPE a.price AS (amount int4)",
	"CREATE TYPE b.line AS (amount int4, cents int4)", `CREATE TYPE b."Point" AS (amount int4, cents int4)`,
}

// price is a destination for all of them.
type price struct{ Amount, Cents int32 }

// TestColumnsOfOneName: values of types that share a name are scanned as their own, also
// where the connection does not know the type.
func TestColumnsOfOneName(t *testing.T) {
	d := server.Postgres(t)
	exec(t, d, twoPrices...)
	connect := func() sqldriver.Conn {
		conn, err := connectorOf(t, d.DSN()).Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	fills, other := connect(), connect()
	std := fills.(*stdlib.Conn).Conn()
	types, err := std.LoadTypes(t.Context(), []string{"b.price", "b.line", "a.price"})
	if err != nil {
		t.Fatal(err)
	}
	point, err := std.LoadType(t.Context(), `b."Point"`)
	if err != nil {
		t.Fatal(err)
	}
	point.Name = "Point"
	std.TypeMap().RegisterTypes(append(types, point))
	for _, column := range []string{"ROW(12, 50)::b.price", "ROW(12)::a.price", "ROW(12, 50)::b.line", `ROW(12, 50)::b."Point"`} {
		number, v := valueOf(t, fills, column)
		for _, conn := range []sqldriver.Conn{fills, other} {
			for _, dest := range []func() any{func() any { return new(price) }, func() any { return new([]string) }, func() any { return new(pgtype.Hstore) }} {
				want, got := dest(), dest()
				wantErr := natively(t, conn.(*stdlib.Conn).Conn(), column, want)
				err := (columns{}).Scan(conn, number, v, got)
				if fmt.Sprint(err) != fmt.Sprint(wantErr) || !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %v, %v; want %v, %v", column, got, err, want, wantErr)
				}
			}
		}
	}
}

// tracer wraps a connection as what traces statements does.
type tracer struct{ sqldriver.Conn }

func (t *tracer) Raw() sqldriver.Conn { return t.Conn }

// opaque does not tell what it wraps.
type opaque struct{ sqldriver.Conn }

// TestBehindWrappers: the connection of pgx is found behind wrappers that tell of it.
func TestBehindWrappers(t *testing.T) {
	std := &stdlib.Conn{}
	loop := &tracer{}
	loop.Conn = loop
	for _, c := range []struct {
		name string
		conn sqldriver.Conn
		want bool
	}{
		{"itself", std, true},
		{"wrapped", &tracer{std}, true},
		{"wrapped twice", &tracer{&tracer{std}}, true},
		{"wrapped by who does not tell", &tracer{&opaque{std}}, false},
		{"wrapping itself", loop, false},
		{"none", nil, false},
	} {
		if got, ok := stdlibConn(c.conn); ok != c.want || ok && got != std {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
