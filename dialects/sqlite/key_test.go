package sqlite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestSplitKey: whatever SQLite's quote() makes of values is read back.
func TestSplitKey(t *testing.T) {
	t.Parallel()
	db := plain(t, newFile(t)+quick)
	rapid.Check(t, func(t *rapid.T) {
		// A text with a NUL character ends there: quote() is documented so.
		text := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
		value := rapid.OneOf(
			rapid.Int64().AsAny(), text.AsAny(), rapid.SliceOfN(rapid.Byte(), 1, 8).AsAny(),
			rapid.Float64Range(-1e300, 1e300).Filter(func(f float64) bool { return f != float64(int64(f)) }).AsAny(),
		)
		want := rapid.SliceOfN(value, 2, 4).Draw(t, "key")
		var parts []string
		for i := range want {
			parts = append(parts, fmt.Sprintf("quote(?%d)", i+1))
		}
		var key string
		if err := db.QueryRowContext(t.Context(), "SELECT "+strings.Join(parts, "||','||"), want...).Scan(&key); err != nil {
			t.Fatal(err)
		}
		got, ok := splitKey(key, len(want))
		if !ok {
			t.Fatalf("%q is no key of %d values", key, len(want))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", key, diff)
		}
		if _, ok := splitKey(key, len(want)+1); ok {
			t.Errorf("%q has one value more", key)
		}
	})
}

func TestSplitKeyGarbage(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1", "1,", "'a", "'a',", "X'0", "X'0',1", "1 2", "NULL,1", "'a'b,1", "1;2"} {
		if got, ok := splitKey(text, 2); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}
