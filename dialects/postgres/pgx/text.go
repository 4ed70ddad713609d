package pgx

import (
	"bytes"
	sqldriver "database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

var (
	errNoISO = errors.New("times are not in the DateStyle ISO")
	errNoUTC = errors.New("the TimeZone is not UTC")
)

// knownText returns why the texts of the values of a type cannot be made here, if they
// cannot: the server has them as the session says. Where a zone is and has been ahead
// of UTC depends on the edition of the tz database, of which a server may have another
// than this program.
func knownText(conn *pgx.Conn, oid uint32) error {
	switch oid {
	case pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID:
	default:
		return nil
	}
	if !strings.HasPrefix(conn.PgConn().ParameterStatus("DateStyle"), "ISO") {
		return errNoISO
	}
	if oid != pgtype.TimestamptzOID {
		return nil
	}
	switch conn.PgConn().ParameterStatus("TimeZone") {
	case "UTC", "Etc/UTC", "GMT", "Etc/GMT":
		return nil
	}
	return errNoUTC
}

// appendText appends the text that PostgreSQL has for a value of one of the types that
// pgx asks for in binary ([formatOf]), for sessions of which knownText has nothing to
// say. It is what the server sends when it is not asked for binary, byte for byte,
// while extra_float_digits is not less than 0 and bytea_output is hex, without which
// pgx does not read bytes either.
func appendText(to []byte, oid uint32, v sqldriver.Value) ([]byte, error) {
	switch v := v.(type) {
	case string: // an infinite time
		if _, known := infinite[oid][v]; known {
			return append(to, v...), nil
		}
	case int64:
		switch oid {
		case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID:
			return strconv.AppendInt(to, v, 10), nil
		}
	case bool:
		switch {
		case oid != pgtype.BoolOID:
		case v:
			return append(to, 't'), nil
		default:
			return append(to, 'f'), nil
		}
	case []byte:
		if oid == pgtype.ByteaOID {
			return hex.AppendEncode(append(to, `\x`...), v), nil
		}
	case float32:
		if oid == pgtype.Float4OID {
			return appendFloat(to, float64(v), 32), nil
		}
	case float64:
		switch oid {
		case pgtype.Float4OID:
			return appendFloat(to, v, 32), nil
		case pgtype.Float8OID:
			return appendFloat(to, v, 64), nil
		}
	case time.Time:
		switch oid {
		case pgtype.DateOID:
			return appendEra(appendDate(to, v), v), nil
		case pgtype.TimestampOID:
			return appendEra(appendClock(append(appendDate(to, v), ' '), v), v), nil
		case pgtype.TimestamptzOID:
			v = v.UTC()
			return appendEra(append(appendClock(append(appendDate(to, v), ' '), v), "+00"...), v), nil
		}
	}
	return to, fmt.Errorf("a %T is no value of the type %d", v, oid)
}

// appendFloat writes the fewest digits that are read as f again, as PostgreSQL does
// (double_to_shortest_decimal_buf in src/common/d2s.c, float_to_shortest_decimal_buf in
// f2s.c, which are Ulf Adams' Ryu), with an exponent from the digit on from which not all
// decimals are told apart (DBL_DIG, FLT_DIG). It differs from strconv in two ways. Of two
// decimals that are as near to f it writes the even one, where strconv may take the
// other for a power of two before Go 1.27. And it never writes what is as far from the next float as
// from f, and read as f only because f is even (STRICTLY_SHORTEST is 0): 1e23 is
// 9.999999999999999e+22.
func appendFloat(to []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(to, "NaN"...)
	case math.IsInf(f, 1):
		return append(to, "Infinity"...)
	case math.IsInf(f, -1):
		return append(to, "-Infinity"...)
	}
	digits, between := 15, math.Ldexp(1, 52)
	if bits == 32 {
		digits, between = 6, math.Ldexp(1, 22)
	}
	start := len(to)
	to = strconv.AppendFloat(to, f, 'e', -1, bits)
	fraction, exponent := partsOf(to[start:])
	var room [32]byte
	even := strconv.AppendFloat(room[:0], f, 'e', fraction, bits)
	nearest := bytes.Equal(even, to[start:]) || reads(even, f, bits)
	switch {
	case exponent >= -4 && exponent < digits && nearest:
		return strconv.AppendFloat(to[:start], f, 'f', max(fraction-exponent, 0), bits)
	case exponent >= -4 && exponent < digits:
		return strconv.AppendFloat(to[:start], f, 'f', -1, bits)
	case nearest:
		to = append(to[:start], even...)
	}
	// What lies between two smaller floats has more digits than are ever needed.
	for math.Abs(f) >= between && !inside(to[start:], f, bits) {
		to = strconv.AppendFloat(to[:start], f, 'e', fraction, bits)
		fraction++
	}
	return to
}

// partsOf returns how many digits come after the point of a number with an exponent, and
// the exponent.
func partsOf(number []byte) (fraction, exponent int) {
	e := bytes.IndexByte(number, 'e')
	if point := bytes.IndexByte(number, '.'); point >= 0 {
		fraction = e - point - 1
	}
	exponent, _ = strconv.Atoi(string(number[e+1:])) // strconv wrote it
	return fraction, exponent
}

// reads reports whether a decimal is read as f.
func reads(decimal []byte, f float64, bits int) bool {
	read, err := strconv.ParseFloat(string(decimal), bits)
	return err == nil && read == f
}

// inside reports whether a decimal is nearer to f than to any other float.
func inside(decimal []byte, f float64, bits int) bool {
	if !reads(decimal, f, bits) {
		return false
	}
	d, ok := new(big.Rat).SetString(string(decimal))
	if !ok {
		return false
	}
	own := new(big.Rat).SetFloat64(f)
	for _, toward := range []float64{math.Inf(1), math.Inf(-1)} {
		next := new(big.Rat).SetFloat64(after(f, toward, bits))
		if next == nil {
			continue // there is none
		}
		next.Add(next, own)
		if next.Quo(next, two).Cmp(d) == 0 {
			return false
		}
	}
	return true
}

var two = big.NewRat(2, 1)

// after returns the next float.
func after(f, toward float64, bits int) float64 {
	if bits == 32 {
		return float64(math.Nextafter32(float32(f), float32(toward)))
	}
	return math.Nextafter(f, toward)
}

// appendDate writes the day of t where t is. There is no year 0: see appendEra.
func appendDate(to []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year <= 0 {
		year = 1 - year
	}
	to = appendPadded(to, year, 4)
	to = appendPadded(append(to, '-'), int(month), 2)
	return appendPadded(append(to, '-'), day, 2)
}

// appendClock writes the time of the day, to the microsecond.
func appendClock(to []byte, t time.Time) []byte {
	hour, minute, second := t.Clock()
	to = appendPadded(to, hour, 2)
	to = appendPadded(append(to, ':'), minute, 2)
	to = appendPadded(append(to, ':'), second, 2)
	micros := t.Nanosecond() / 1000
	if micros == 0 {
		return to
	}
	to = appendPadded(append(to, '.'), micros, 6)
	for to[len(to)-1] == '0' {
		to = to[:len(to)-1]
	}
	return to
}

// appendEra comes last.
func appendEra(to []byte, t time.Time) []byte {
	if t.Year() <= 0 {
		return append(to, " BC"...)
	}
	return to
}

func appendPadded(to []byte, n, width int) []byte {
	for limit := 10; width > 1; width-- {
		if n < limit {
			to = append(to, '0')
		}
		limit *= 10
	}
	return strconv.AppendInt(to, int64(n), 10)
}
