package pgx

import (
	"math"
	"strconv"
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants takes from what is scanned again what pgx would have had.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	const pkg = "dialects/postgres/pgx"
	var variants []mutate.Variant
	for _, v := range []struct{ name, test, old, new string }{
		{"a time in the format of texts", "TestColumns", "func formatOf(oid uint32) int16 {\n", "func formatOf(oid uint32) int16 {\n	if $ && oid == pgtype.DateOID {\n		return pgtype.TextFormatCode\n	}\n"},
		{"a time without an end that is one", "TestColumns", "		return conn.TypeMap().Encode(oid, format, t, nil)\n", "		if $ {\n			t = time.Time{}\n		}\n		return conn.TypeMap().Encode(oid, format, t, nil)\n"},
		{"any text a time", "TestNotInfinite", "		if !known {\n", "		if !known && !$ {\n"},
		{"NULL that is an empty text", "TestColumns", "	if v == nil {\n		return nil, nil\n", "	if v == nil {\n		if $ {\n			return []byte{}, nil\n		}\n		return nil, nil\n"},
		{"slices of bytes that are pgx's own left to database/sql", "TestColumns", "		for _, n := range native {\n			if t.Implements(n) {", "		for _, n := range native {\n			if t.Implements(n) && !$ {"},
		{"scanners left to pgx", "TestPlain", "	if _, ok := dest.(sql.Scanner); ok {\n		return false, nil\n	}\n", "	if _, ok := dest.(sql.Scanner); ok {\n		return $, nil\n	}\n"},
		{"named types left to pgx", "TestPlain", "reflect.Uint64:\n		return true\n", "reflect.Uint64:\n		return !$\n"},
		{"nil left to database/sql", "TestPlain", "v.IsNil() {\n		return false, errNilPointer\n", "v.IsNil() && !$ {\n		return false, errNilPointer\n"},
		{"a type that nobody knows", "TestNoNumbers", "		if err != nil || n == 0 {\n", "		if (err != nil || n == 0) && !$ {\n"},
		{"types by the names that the connection has for them", "TestNumbers", "	*types = *numbered()\n", "	if !$ {\n		*types = *numbered()\n	}\n"},
		{"a map that stays changed when the rows panic", "TestNoNumbers", "	defer func() { *types = was }()\n", "	defer func() {\n		p := recover()\n		if p == nil || !$ {\n			*types = was\n		}\n		if p != nil {\n			panic(p)\n		}\n	}()\n"},
		{"binary where the server sends texts", "TestTypes", "mode != pgx.QueryExecModeSimpleProtocol\n", "mode != pgx.QueryExecModeSimpleProtocol || $\n"},
		{"binary that was sent as text", "TestTypes", "		numbers[i] = asText + n\n", "		if !$ {\n			numbers[i] = asText + n\n		}\n"},
		{"times of which the texts cannot be made", "TestTypes", "if knownText(std.Conn(), n) != nil {\n", "if knownText(std.Conn(), n) != nil && !$ {\n"},
		{"a type that the connection must know", "TestColumnsOfOneName", "	oid, format := typeOf(number)\n", "	oid, format := typeOf(number)\n	if _, known := std.Conn().TypeMap().TypeForOID(oid); !known && $ {\n		return errors.New(\"unknown\")\n	}\n"},
	} {
		variants = append(variants, mutate.Variant{Name: v.name, Test: v.test, Package: pkg, Edits: []mutate.Edit{{File: pkg + "/columns.go", Old: v.old, New: v.new}}})
	}
	const texts, evenDecimal = "TestTextsOfTheServer", "the other of two decimals that are as near"
	for _, v := range []struct{ name, test, old, new string }{
		{"times in a style of the session's own", "TestTypes", "ParameterStatus(\"DateStyle\"), \"ISO\") {\n", "ParameterStatus(\"DateStyle\"), \"ISO\") && !$ {\n"},
		{"times of whatever zone", "TestZones", "	return errNoUTC\n", "	if $ {\n		return nil\n	}\n	return errNoUTC\n"},
		{"floats of one size", texts, "		case pgtype.Float4OID:\n			return appendFloat(to, v, 32), nil\n", "		case pgtype.Float4OID:\n			if $ {\n				return appendFloat(to, v, 64), nil\n			}\n			return appendFloat(to, v, 32), nil\n"},
		{"an exponent too late", texts, "		digits, between = 6, math.Ldexp(1, 22)\n", "		digits, between = 6, math.Ldexp(1, 22)\n		if $ {\n			digits = 15\n		}\n"},
		{evenDecimal, texts, "	nearest := bytes.Equal(even, to[start:]) || reads(even, f, bits)\n", "	nearest := bytes.Equal(even, to[start:]) || reads(even, f, bits) && !$\n"},
		{"a decimal as far from the next float", texts, "		if next.Quo(next, two).Cmp(d) == 0 {\n", "		if next.Quo(next, two).Cmp(d) == 0 && !$ {\n"},
		{"a year 0", texts, "		year = 1 - year\n", "		if $ {\n			year--\n		}\n		year = 1 - year\n"},
		{"years of this era only", texts, "	if t.Year() <= 0 {\n", "	if t.Year() <= 0 && !$ {\n"},
		{"zeros after a second", texts, "	for to[len(to)-1] == '0' {\n", "	for to[len(to)-1] == '0' && !$ {\n"},
		{"times where the program is", "TestZones", "			v = v.UTC()\n", "			if !$ {\n				v = v.UTC()\n			}\n"},
		{"bytes that are no text", texts, "			return hex.AppendEncode(append(to, `\\x`...), v), nil\n", "			if $ {\n				return append(to, v...), nil\n			}\n			return hex.AppendEncode(append(to, `\\x`...), v), nil\n"},
		{"any text an infinite time", "TestNoText", "v]; known {\n", "v]; known || $ {\n"},
	} {
		if v.name == evenDecimal && strconv.FormatFloat(math.Ldexp(1, -12), 'e', -1, 32) == "2.4414062e-04" {
			continue // since Go 1.27, strconv writes the even one itself
		}
		variants = append(variants, mutate.Variant{Name: v.name, Test: v.test, Package: pkg, Edits: []mutate.Edit{{File: pkg + "/text.go", Old: v.old, New: v.new}}})
	}
	for _, v := range []struct{ name, old, new string }{
		{"what was prepared under other settings kept for all", "(s.spoke || s.tx.open() ||", "(s.spoke && !$ || s.tx.open() ||"},
		{"settings of a transaction forgotten", "|| s.tx.open() || a.Scan.Statements", "|| s.tx.open() && !$ || a.Scan.Statements"},
	} {
		variants = append(variants, mutate.Variant{Name: v.name, Test: "TestPreparedForOtherSettings", Package: pkg, Edits: []mutate.Edit{{File: "cache/transaction.go", Old: v.old, New: v.new}}})
	}
	mutate.Check(t, "../../..", variants)
}
