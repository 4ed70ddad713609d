package pgx

import (
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/testdb/server"
)

// each makes a set of all values that are given.
func each(typ string, values ...string) string {
	return "SELECT v FROM unnest('{" + strings.ReplaceAll(strings.Join(values, ","), `\`, `\\`) + "}'::" + typ + "[]) v"
}

// at makes times around and beyond a day, with and without parts of a second.
func at(typ string) string {
	times := "SELECT (timestamptz '2000-01-01 00:00:00+00' + d * interval '1 day' + trunc(random() * 86400) * interval '1 second' + p * interval '1 microsecond')::" + typ + " v FROM (" +
		// Three centuries, and all that there are.
		"SELECT trunc(random() * 100000) - 60000 d, 0 p FROM generate_series(1, 1500) UNION ALL " +
		"SELECT trunc(random() * 100000) - 60000 d, trunc(random() * 1000000) p FROM generate_series(1, 1500) UNION ALL " +
		"SELECT trunc(random() * 1000000) - 900000 d, trunc(random() * 100) * 10000 p FROM generate_series(1, 1500) UNION ALL " +
		"SELECT trunc(random() * 109203000) - 2451500 d, trunc(random() * 1000) * 1000 p FROM generate_series(1, 1500)) t"
	edges := "'infinity', '-infinity', '0001-01-01', '0001-12-31 BC', '0044-03-15 BC', '4713-01-02 BC', '9999-12-31', '10000-01-01', '294276-12-30', " +
		"'1582-10-10', '1900-01-01', '1970-01-01', '2000-02-29'"
	if typ != "date" {
		edges += ", '1900-01-01 12:34:56.000001', '1892-07-01 01:02:03.100000', '2026-10-25 00:30:00+00', '2026-10-25 01:30:00+00', '1940-05-16 00:00:00.120', '2026-11-27 23:59:59.999999', '0001-01-01 00:00:00 BC'"
	}
	return times + " UNION ALL SELECT v::" + typ + " FROM unnest(array[" + edges + "]) v"
}

// floats are of all exponents, and those whose decimals are as far from others.
func floats(bits int) []string {
	all := []string{
		"0", "-0", "1", "-1", "0.1", "1.5", "100", "NaN", "Infinity", "-Infinity", "0.0001", "0.00001", "0.00012345", "123456", "999999", "1000000", "1234567",
		"999999999999999", "1e15", "123456789012345", "1234567890123456", "1e22", "1e23", "-1e23", "9007199254740991", "9007199254740993",
		"8.5899345920e9", "3.3554432e7", "4194304.5", "8388608.5", "16777217",
	}
	if bits == 64 {
		all = append(all, "5e-324", "2.2250738585072014e-308", "1.7976931348623157e308", "4503599627370496.5", "4503599627370497.5", "2e-7")
	} else {
		all = append(all, "1e-45", "1.1754944e-38", "3.4028235e38")
	}
	add := func(f float64) {
		if bits == 32 {
			f = float64(float32(f))
		}
		if !math.IsNaN(f) && !math.IsInf(f, 0) {
			all = append(all, strconv.FormatFloat(f, 'e', -1, bits))
		}
	}
	for e := -1074; e < 1024; e++ {
		if bits == 32 && (e < -149 || e > 127) {
			continue
		}
		for _, m := range []float64{1, -1, 1 + rand.Float64(), 1 + rand.Float64()} {
			f := math.Ldexp(m, e)
			add(f)
			add(after(f, math.Inf(1), bits))
			add(after(f, 0, bits))
		}
	}
	for q := range 6 {
		for range 300 { // decimals that end in 5, of one digit more than are needed
			add(math.Ldexp(1+rand.Float64(), bits-9-bits/64*5-q))
			add(math.Trunc(math.Ldexp(1+rand.Float64(), bits-9-bits/64*3)) / math.Ldexp(1, q))
		}
	}
	for range 4000 {
		// Few digits, and many, where what lies between two floats has few, too.
		add(float64(rand.IntN(10000)) * math.Pow10(rand.IntN(40)-20))
		f, _ := strconv.ParseFloat(strconv.Itoa(1+rand.IntN(999))+"e"+strconv.Itoa(5+rand.IntN(32)), bits)
		add(f)
		if bits == 32 {
			add(float64(math.Float32frombits(rand.Uint32())))
		} else {
			add(math.Float64frombits(rand.Uint64()))
		}
	}
	return all
}

// integers are of all lengths.
func integers(bits int, edges ...string) []string {
	for range 1000 {
		n := rand.Int64() >> (63 - bits + 1 + rand.IntN(bits))
		if edges[0][0] == '-' && rand.IntN(2) > 0 {
			n = -n
		}
		edges = append(edges, strconv.FormatInt(n, 10))
	}
	return edges
}

// octets are some bytes.
func octets() []string {
	all := []string{`"\x"`, `"\x00"`, `"\xff00"`}
	for range 1000 {
		b := make([]byte, rand.IntN(40))
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		all = append(all, fmt.Sprintf(`"\x%x"`, b))
	}
	return all
}

// TestTextsOfTheServer: texts are made as the server makes them.
func TestTextsOfTheServer(t *testing.T) {
	d := server.Postgres(t)
	sets := map[uint32]string{
		pgtype.BoolOID:        each("bool", "t", "f"),
		pgtype.Int2OID:        each("int2", integers(15, "-32768", "32767", "0")...),
		pgtype.Int4OID:        each("int4", integers(31, "-2147483648", "2147483647", "0")...),
		pgtype.Int8OID:        each("int8", integers(63, "-9223372036854775808", "9223372036854775807", "0")...),
		pgtype.OIDOID:         each("oid", integers(32, "0", "4294967295")...),
		pgtype.XIDOID:         each("xid", integers(32, "0", "4294967295")...),
		pgtype.CIDOID:         each("cid", integers(32, "0", "4294967295")...),
		pgtype.ByteaOID:       each("bytea", octets()...),
		pgtype.Float4OID:      each("float4", floats(32)...),
		pgtype.Float8OID:      each("float8", floats(64)...),
		pgtype.DateOID:        at("date"),
		pgtype.TimestampOID:   at("timestamp"),
		pgtype.TimestamptzOID: at("timestamptz"),
	}
	for n := range uint32(builtin) {
		if _, ok := sets[n]; !ok && formatOf(n) == pgtype.BinaryFormatCode {
			t.Errorf("there are no values of the type %d", n)
		}
	}
	for _, mode := range []string{"exec", "simple_protocol", "cache_describe"} {
		for _, zone := range []string{"UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Europe/Amsterdam"} {
			conn, err := connectorOf(t, d.DSN("default_query_exec_mode="+mode, "timezone="+url.QueryEscape(zone))).Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for oid, set := range sets {
				if zone == "UTC" || oid == pgtype.DateOID || oid == pgtype.TimestampOID {
					t.Run(fmt.Sprintf("%s in %s by %s", nameOf(oid), zone, mode), func(t *testing.T) { sameTexts(t, conn, oid, set) })
				}
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func nameOf(oid uint32) string {
	typ, _ := pgtype.NewMap().TypeForOID(oid)
	return typ.Name
}

// sameTexts reads a set of values with the text that the server has for each.
func sameTexts(t *testing.T, conn sqldriver.Conn, oid uint32, set string) {
	t.Helper()
	rows, err := conn.(sqldriver.QueryerContext).QueryContext(t.Context(), "SELECT v, format('%s', v) FROM ("+set+" OFFSET 0) s", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if err := knownText(conn.(*stdlib.Conn).Conn(), oid); err != nil {
		t.Fatal(err)
	}
	row, seen, wrong := make([]sqldriver.Value, 2), 0, 0
	for ; ; seen++ {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		got, err := appendText([]byte("x"), oid, row[0])
		if want := "x" + row[1].(string); err != nil || string(got) != want {
			if wrong++; wrong < 10 {
				t.Errorf("%v is %s, %v; want %s", row[0], got, err, want)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d are wrong", wrong, seen)
	}
	if seen < 1000 && oid != pgtype.BoolOID {
		t.Errorf("%d values", seen)
	}
}

// TestZones: of times in a zone, texts are made while the session is in UTC.
func TestZones(t *testing.T) {
	conn, err := connectorOf(t, server.Postgres(t).DSN("default_query_exec_mode=exec")).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	std := conn.(*stdlib.Conn).Conn()
	midnight := time.Date(2026, 1, 1, 5, 0, 0, 0, time.FixedZone("here", 5*60*60)) // in UTC
	for _, tt := range []struct{ zone, want string }{
		{"UTC", "2026-01-01 00:00:00+00"},
		{"Asia/Kolkata", ""},
		{"<+05>-05", ""},
		{"etc/utc", "2026-01-01 00:00:00+00"}, // the server calls it by its name
		{"Europe/London", ""},
		{"GMT", "2026-01-01 00:00:00+00"},
	} {
		if _, err := std.Exec(t.Context(), "SELECT set_config('TimeZone', $1, false)", tt.zone); err != nil {
			t.Fatal(err)
		}
		var got pgtype.UndecodedBytes
		err := columns{}.Scan(conn, asText+pgtype.TimestamptzOID, midnight, &got)
		if (err == nil) != (tt.want != "") || string(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.zone, got, err, tt.want)
		}
	}
}

// TestNoText: a value that is none of its type has no text.
func TestNoText(t *testing.T) {
	for _, tt := range []struct {
		oid uint32
		v   sqldriver.Value
	}{
		{pgtype.DateOID, "tomorrow"},
		{pgtype.Int4OID, "infinity"},
		{pgtype.BoolOID, int64(1)},
		{pgtype.Int4OID, true},
		{pgtype.TimestampOID, []byte("x")},
		{pgtype.Float8OID, float32(1)},
		{pgtype.Int8OID, 1.5},
		{pgtype.ByteaOID, time.Time{}},
		{pgtype.Int4OID, 'x'},
	} {
		if text, err := appendText(nil, tt.oid, tt.v); err == nil {
			t.Errorf("%v is %s as a %s", tt.v, text, nameOf(tt.oid))
		}
	}
	if text, err := appendText(nil, pgtype.Float4OID, float32(0.1)); err != nil || string(text) != "0.1" {
		t.Errorf("0.1 is %s, %v", text, err)
	}
}
