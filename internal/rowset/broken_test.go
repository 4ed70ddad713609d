package rowset_test

import (
	"testing"

	"github.com/vantage-go/live/internal/mutate"
)

// TestBrokenVariants has rows tell the number of another type.
func TestBrokenVariants(t *testing.T) {
	t.Parallel()
	var variants []mutate.Variant
	for _, v := range []struct{ name, file, old, new string }{
		{"one shape for all numbers", "record.go", "		if info[i] != describe(inner, i, numbers) {\n", "		now := describe(inner, i, numbers)\n		if $ {\n			now.number = info[i].number\n		}\n		if info[i] != now {\n"},
		{"numbers of the first result for all", "stream.go", "	if s.further {\n", "	if s.further && !$ {\n"},
		{"no numbers from memory", "replay.go", "{ return r.shape.info[i].number }", "{\n	if $ {\n		return 0\n	}\n	return r.shape.info[i].number\n}"},
	} {
		variants = append(variants, mutate.Variant{
			Name: v.name, Package: "internal/rowset", Test: "TestNumbers",
			Edits: []mutate.Edit{{File: "internal/rowset/" + v.file, Old: v.old, New: v.new}},
		})
	}
	mutate.Check(t, "../..", variants)
}
