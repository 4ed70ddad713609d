package mysql

import "testing"

func TestChangedParts(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"1:a;2:b;", "1:a;2:c;", "tables"},
		{"1:a;2:b;3:c;", "1:x;2:b;3:y;", "columns, triggers"},
		{"1:a;7:v;", "1:a;", "views"},
		{"1:a;", "1:a;7:v;", "views"},
		{"", "1:a;", "triggers"},
	} {
		if got := changedParts(c.before, c.after); got != c.want {
			t.Errorf("%q → %q: %q, want %q", c.before, c.after, got, c.want)
		}
	}
}
