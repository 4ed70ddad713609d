package pgx

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/vantage-go/live/dialects"
)

// Columns does what rows of pgx's stdlib do since Go 1.27: they scan into slices,
// arrays, structs and pgx's own types with the type map of their connection, and
// leave the rest to database/sql. What they scan from are the bytes that the server
// sent; here they are made again of the value that pgx made of them, in the format
// that pgx asks for. Nothing is lost on the way, since pgx makes a string of
// whatever type it has no value for.
func (Dialect) Columns() dialects.ColumnScanner { return columns{} }

type columns struct{}

// Knows reports whether conn is one of pgx's stdlib that knows the type by its
// name, or has only the number of it itself.
func (columns) Knows(conn sqldriver.Conn, columnType string) bool {
	std, ok := conn.(*stdlib.Conn)
	if !ok {
		return false
	}
	_, ok = numberOf(std.Conn().TypeMap(), columnType)
	return ok
}

// numberOf returns the number of a type by what pgx calls it to database/sql: its
// name in upper case, or the number.
func numberOf(types *pgtype.Map, columnType string) (oid uint32, ok bool) {
	if t, ok := types.TypeForName(strings.ToLower(columnType)); ok {
		return t.OID, true
	}
	n, err := strconv.ParseUint(columnType, 10, 32)
	return uint32(n), err == nil
}

// Scans is what pgx decides of destinations, and tells nobody (isSQLScanDestination in
// its stdlib): on Go 1.27, TestScan holds the two against each other.
func (columns) Scans(dest any) bool {
	switch d := dest.(type) {
	case *string:
		return d == nil
	case *int64:
		return d == nil
	case *int:
		return d == nil
	case *bool:
		return d == nil
	case *float64:
		return d == nil
	case *time.Time:
		return d == nil
	case *[]byte:
		return d == nil
	case *sql.RawBytes:
		return d == nil
	case *any:
		return d == nil
	case nil:
		return true
	}
	if v := reflect.ValueOf(dest); v.Kind() == reflect.Pointer && v.IsNil() {
		return true
	}
	if _, ok := dest.(sql.Scanner); ok {
		return false
	}
	return !plain(reflect.TypeOf(dest))
}

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

// The texts are pgx's.
var (
	errNoPointer  = errors.New("destination not a pointer")
	errNilPointer = errors.New("destination pointer is nil")
)

// Scan scans with the type map of conn.
func (columns) Scan(conn sqldriver.Conn, columnType string, v sqldriver.Value, dest any) error {
	if dest == nil {
		return errNoPointer
	}
	if p := reflect.ValueOf(dest); p.Kind() == reflect.Pointer && p.IsNil() {
		return errNilPointer
	}
	std, ok := conn.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("pgx: a %T has no type map", conn)
	}
	types := std.Conn().TypeMap()
	oid, ok := numberOf(types, columnType)
	if !ok {
		return fmt.Errorf("pgx: the connection does not know the type %s", columnType)
	}
	format, src, err := sent(types, oid, v)
	if err != nil {
		return fmt.Errorf("pgx: %w", err)
	}
	return types.Scan(oid, format, src, dest)
}

// sent returns what the server sent for a value.
func sent(types *pgtype.Map, oid uint32, v sqldriver.Value) (format int16, src []byte, err error) {
	format = formatOf(oid)
	switch v := v.(type) {
	case nil:
		return format, nil, nil
	case string:
		if format == pgtype.TextFormatCode {
			return format, []byte(v), nil
		}
		t, known := infinite[oid][v]
		if !known {
			return format, nil, fmt.Errorf("%q is no value of the type %d", v, oid)
		}
		src, err = types.Encode(oid, format, t, nil)
		return format, src, err
	case []byte:
		return format, v, nil
	default:
		src, err = types.Encode(oid, format, v, nil)
		return format, src, err
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
