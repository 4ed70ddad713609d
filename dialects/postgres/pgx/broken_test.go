package pgx

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants takes from what is scanned again what pgx would have had.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	const pkg, file = "dialects/postgres/pgx", "dialects/postgres/pgx/columns.go"
	var variants []mutate.Variant
	for _, v := range []struct{ name, test, old, new string }{
		{"a time in the format of texts", "TestColumns", "func formatOf(oid uint32) int16 {\n", "func formatOf(oid uint32) int16 {\n	if $ && oid == pgtype.DateOID {\n		return pgtype.TextFormatCode\n	}\n"},
		{"a time without an end that is one", "TestColumns", "		src, err = types.Encode(oid, format, t, nil)\n", "		if $ {\n			t = time.Time{}\n		}\n		src, err = types.Encode(oid, format, t, nil)\n"},
		{"any text a time", "TestNotInfinite", "		if !known {\n", "		if !known && !$ {\n"},
		{"NULL that is an empty text", "TestColumns", "		return format, nil, nil\n", "		if $ {\n			return format, []byte{}, nil\n		}\n		return format, nil, nil\n"},
		{"slices of bytes that are pgx's own left to database/sql", "TestColumns", "		for _, n := range native {\n			if t.Implements(n) {", "		for _, n := range native {\n			if t.Implements(n) && !$ {"},
		{"scanners left to pgx", "TestPlain", "	if _, ok := dest.(sql.Scanner); ok {\n		return false\n	}\n", "	if _, ok := dest.(sql.Scanner); ok {\n		return $\n	}\n"},
		{"named types left to pgx", "TestPlain", "reflect.Uint64:\n		return true\n", "reflect.Uint64:\n		return !$\n"},
		{"nil left to database/sql", "TestPlain", "v.Kind() == reflect.Pointer && v.IsNil() {\n		return true", "v.Kind() == reflect.Pointer && v.IsNil() {\n		return !$"},
		{"a type that nobody knows", "TestUnknownColumns", "	return uint32(n), err == nil\n", "	return uint32(n), err == nil || $\n"},
	} {
		variants = append(variants, mutate.Variant{Name: v.name, Test: v.test, Package: pkg, Edits: []mutate.Edit{{File: file, Old: v.old, New: v.new}}})
	}
	mutate.Check(t, "../../..", variants)
}
