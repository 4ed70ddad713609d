package params

import "testing"

// TestEscapes: what url.Values.Encode makes of a value is the value, as it is for the
// drivers. A table that is not to be kept must not be, however its name is written.
func TestEscapes(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://h/d?livesql_never=orders%2Citems&sslmode=disable": "orders,items",
		"file.db?livesql_consistency=bounded%3A500ms":                 "bounded:500ms",
		"file.db?livesql_never=two+words":                             "two words",
		"file.db?livesql_never=100%":                                  "100%",
		"host=h livesql_never=orders%2Citems":                         "orders%2Citems",
		"file.db?livesql_never=orders,items":                          "orders,items",
	} {
		if _, own := Split(dsn); len(own) != 1 || own[0].Value != want {
			t.Errorf("%s: %q, want %q", dsn, own, want)
		}
	}
}
