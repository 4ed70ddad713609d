package pgx

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/dialects"
)

// Columns does what rows of pgx's stdlib do since Go 1.27: they scan into slices,
// arrays, structs and pgx's own types with the type map of their connection, and
// leave the rest to database/sql. What they scan from are the bytes that the server
// sent; here they are made again of the value that pgx made of them, in the format
// that they came in. Nothing is lost on the way, since pgx makes a string of
// whatever type it has no value for.
func (Dialect) Columns() dialects.ColumnScanner { return columns{} }

type columns struct{}

// Types asks the rows for the names of their types while the map of their connection
// holds none but numbers: pgx tells a number only of types that the map does not
// know, and names may be shared, by types of two schemas for one.
func (columns) Types(conn sqldriver.Conn, rows sqldriver.Rows, numbers []uint32) bool {
	std, ok := stdlibConn(conn)
	if !ok {
		return false
	}
	own, ok := rows.(*stdlib.Rows)
	if !ok || !numbersOf(std.Conn().TypeMap(), own, numbers) {
		return false
	}
	if obeysFormats(std.Conn()) {
		return true
	}
	asked := false
	for i, n := range numbers {
		if formatOf(n) == pgtype.TextFormatCode {
			continue
		}
		if !asked && sentBinary(std.Conn().TypeMap(), own, i) {
			return true // and so were the others
		}
		asked = true
		if knownText(std.Conn(), n) != nil {
			return false
		}
		numbers[i] = asText + n
	}
	return true
}

// asText is added to the number of a type whose values came as texts, though pgx asks
// for them in binary. PostgreSQL leaves the numbers from 8000 to 9999 to those who
// develop it, and has nothing there when it is released.
const asText = 8000

// typeOf takes a number apart that Types gave.
func typeOf(number uint32) (oid uint32, format int16) {
	if number > asText && number < builtin && formatOf(number-asText) == pgtype.BinaryFormatCode {
		return number - asText, pgtype.TextFormatCode
	}
	return number, formatOf(number)
}

// stdlibConn returns the connection of pgx's stdlib, behind wrappers that tell what they
// wrap, as those for tracing do.
func stdlibConn(conn sqldriver.Conn) (*stdlib.Conn, bool) {
	const deep = 8 // a wrapper may lead back to itself
	for range deep {
		switch c := conn.(type) {
		case *stdlib.Conn:
			return c, true
		case interface{ Raw() sqldriver.Conn }:
			conn = c.Raw()
		default:
			return nil, false
		}
	}
	return nil, false
}

// numbersOf asks rows whose connection has that map, which is afterwards what it was.
// What is no number then was not found in the map.
func numbersOf(types *pgtype.Map, rows sqldriver.RowsColumnTypeDatabaseTypeName, numbers []uint32) bool {
	was := *types
	defer func() { *types = was }()
	*types = *numbered()
	for i := range numbers {
		n, err := strconv.ParseUint(rows.ColumnTypeDatabaseTypeName(i), 10, 32)
		if err != nil || n == 0 {
			return false
		}
		numbers[i] = uint32(n)
	}
	return true
}

// builtin is beyond the numbers of types that pgx knows by itself: PostgreSQL gives
// those up to it to its own.
const builtin = 10000

// numbered is a map in which the types that pgx knows by itself are called by their
// numbers. Nobody changes it: all connections share what is in it.
var numbered = sync.OnceValue(func() *pgtype.Map {
	types := pgtype.NewMap()
	for n := range uint32(builtin) {
		if t, ok := types.TypeForOID(n); ok {
			types.RegisterType(&pgtype.Type{Name: strconv.FormatUint(uint64(n), 10), OID: n, Codec: t.Codec})
		}
	}
	return types
})

// obeysFormats reports whether the server sends values in the formats that pgx's
// stdlib asks for. In two of its modes pgx does not ask, and everything is text but
// for what was prepared. The
// mode of a connection never changes, and pgx tells it with a copy of all that was
// configured: the answer is kept where a connection has room for what others know of it.
func obeysFormats(conn *pgx.Conn) bool {
	const key = "livesql: values come in the formats that were asked for"
	kept := conn.PgConn().CustomData()
	obeys, known := kept[key].(bool)
	if !known {
		mode := conn.Config().DefaultQueryExecMode
		obeys = mode != pgx.QueryExecModeExec && mode != pgx.QueryExecModeSimpleProtocol
		kept[key] = obeys
	}
	return obeys
}

// Scans is what pgx decides of destinations, and tells nobody (isSQLScanDestination in
// its stdlib): on Go 1.27, TestScan holds the two against each other.
func (columns) Scans(dest any) (bool, error) {
	given := false
	switch d := dest.(type) {
	case *string:
		given = d != nil
	case *int64:
		given = d != nil
	case *int:
		given = d != nil
	case *bool:
		given = d != nil
	case *float64:
		given = d != nil
	case *time.Time:
		given = d != nil
	case *[]byte:
		given = d != nil
	case *sql.RawBytes:
		given = d != nil
	case *any:
		given = d != nil
	case nil:
		return false, errNoPointer
	}
	if given {
		return false, nil
	}
	if v := reflect.ValueOf(dest); v.Kind() == reflect.Pointer && v.IsNil() {
		return false, errNilPointer
	}
	if _, ok := dest.(sql.Scanner); ok {
		return false, nil
	}
	return !plain(reflect.TypeOf(dest)), nil
}

// The texts are pgx's.
var (
	errNoPointer  = errors.New("destination not a pointer")
	errNilPointer = errors.New("destination pointer is nil")
)

var (
	scanner = reflect.TypeFor[sql.Scanner]()
	native  = []reflect.Type{reflect.TypeFor[pgtype.ArraySetter](), reflect.TypeFor[pgtype.BytesScanner]()}
)

// plain reports whether database/sql converts into destinations of a type.
func plain(t reflect.Type) bool {
	seen := map[reflect.Type]bool{}
	for {
		if t.Implements(scanner) {
			return true
		}
		for _, n := range native {
			if t.Implements(n) {
				return false
			}
		}
		if t.Kind() != reflect.Pointer {
			break
		}
		// Only a pointer with a name can lead back to itself.
		if t.Name() != "" {
			if seen[t] {
				return false
			}
			seen[t] = true
		}
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Interface, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	case reflect.Struct:
		return t.ConvertibleTo(reflect.TypeFor[time.Time]())
	default:
		return false
	}
}

// Scan scans with the type map of conn, which need not know the type: pgx then goes by
// the destination.
func (columns) Scan(conn sqldriver.Conn, number uint32, v sqldriver.Value, dest any) error {
	std, ok := stdlibConn(conn)
	if !ok {
		return fmt.Errorf("pgx: a %T has no type map", conn)
	}
	oid, format := typeOf(number)
	src, err := sent(std.Conn(), oid, format, v)
	if err != nil {
		return fmt.Errorf("pgx: %w", err)
	}
	return std.Conn().TypeMap().Scan(oid, format, src, dest)
}

// sent returns what the server sent for a value.
func sent(conn *pgx.Conn, oid uint32, format int16, v sqldriver.Value) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	if format != formatOf(oid) {
		if err := knownText(conn, oid); err != nil {
			return nil, err
		}
		return appendText(nil, oid, v)
	}
	switch v := v.(type) {
	case string:
		if format == pgtype.TextFormatCode {
			return []byte(v), nil
		}
		t, known := infinite[oid][v]
		if !known {
			return nil, fmt.Errorf("%q is no value of the type %d", v, oid)
		}
		return conn.TypeMap().Encode(oid, format, t, nil)
	case []byte:
		return v, nil
	default:
		return conn.TypeMap().Encode(oid, format, v, nil)
	}
}

// infinite are the times that are texts to database/sql.
var infinite = map[uint32]map[string]any{
	pgtype.DateOID: {
		"infinity":  pgtype.Date{InfinityModifier: pgtype.Infinity, Valid: true},
		"-infinity": pgtype.Date{InfinityModifier: pgtype.NegativeInfinity, Valid: true},
	},
	pgtype.TimestampOID: {
		"infinity":  pgtype.Timestamp{InfinityModifier: pgtype.Infinity, Valid: true},
		"-infinity": pgtype.Timestamp{InfinityModifier: pgtype.NegativeInfinity, Valid: true},
	},
	pgtype.TimestamptzOID: {
		"infinity":  pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true},
		"-infinity": pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true},
	},
}

// formatOf returns the format in which pgx's stdlib asks for the values of a type.
func formatOf(oid uint32) int16 {
	switch oid {
	case pgtype.BoolOID, pgtype.ByteaOID, pgtype.CIDOID, pgtype.DateOID, pgtype.Float4OID, pgtype.Float8OID,
		pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID, pgtype.TimestampOID, pgtype.TimestamptzOID, pgtype.XIDOID:
		return pgtype.BinaryFormatCode
	}
	return pgtype.TextFormatCode
}
