//go:build go1.27

package cache_test

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenScan breaks what rows do that scan their columns.
func TestBrokenScan(t *testing.T) {
	t.Parallel()
	var variants []mutate.Variant
	for _, v := range []struct{ name, test, file, old, new string }{
		{"numbers of types that are not kept", "TestScanByNumber", "fill.go", "Numbers: numbers,", "Numbers: numbers[:map[bool]int{true: 0, false: len(numbers)}[$]],"},
		{"a connection for nothing", "TestScanByNumber", "columns_go1.27.go", "	if err != nil {\n		return err\n	}\n	if !natively {", "	if err != nil {\n		if $ {\n			_, _ = r.line.Inner()\n		}\n		return err\n	}\n	if !natively {"},
		{"a column without a type", "TestScanFurtherResults", "columns_go1.27.go", "	if number == 0 {\n", "	if number == 0 && !$ {\n"},
		{"results whose types are not told", "TestRowsThatScan", "columns.go", "	if !by.Types(s.inner, rows, s.types) {\n", "	if !by.Types(s.inner, rows, s.types) && !$ {\n"},
		{"a fill that breaks down and does not end", "TestScanPanicEndsFill", "fill.go", "		if !landed { // the inner", "		if !landed && !$ { // the inner"},
	} {
		variants = append(variants, mutate.Variant{
			Name: v.name, Package: "cache", Test: v.test, Edits: []mutate.Edit{{File: "cache/" + v.file, Old: v.old, New: v.new}},
		})
	}
	mutate.Check(t, "..", variants)
}
