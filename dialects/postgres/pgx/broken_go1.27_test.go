//go:build go1.27

package pgx

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenQuestion breaks how rows are asked in what format they came.
func TestBrokenQuestion(t *testing.T) {
	t.Parallel()
	const pkg = "dialects/postgres/pgx"
	var variants []mutate.Variant
	for _, v := range []struct{ name, test, file, old, new string }{
		{"binary of what was prepared taken for a text", "TestTypesOfWhatIsPrepared", "columns.go", "		if !asked && sentBinary(", "		if !$ && !asked && sentBinary("},
		{"a map that goes on answering", "TestTypesOfWhatIsPrepared", "prepared_go1.27.go", "		*types = was\n", "		if !$ {\n			*types = was\n		}\n"},
		{"a result without rows that panics", "TestTypes", "prepared_go1.27.go", "		_ = recover() // there is no row\n", "		if !$ {\n			_ = recover()\n		}\n"},
		{"binary in the modes of texts", "TestScanOfTexts", "columns.go", "	if number > asText && number < builtin &&", "	if !$ && number > asText && number < builtin &&"},
	} {
		variants = append(variants, mutate.Variant{Name: v.name, Test: v.test, Package: pkg, Edits: []mutate.Edit{{File: pkg + "/" + v.file, Old: v.old, New: v.new}}})
	}
	mutate.Check(t, "../../..", variants)
}
