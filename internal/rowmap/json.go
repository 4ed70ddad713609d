package rowmap

import (
	"bytes"
	"encoding/json"
	"io"
)

// sameJSON reports whether two documents are the same when order, spelling
// and repeated names do not count. What is no document equals only itself.
func sameJSON(a, b []byte) bool {
	va, okA := decode(a)
	vb, okB := decode(b)
	return okA && okB && sameDocument(va, vb)
}

func decode(text []byte) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a float64 would lose digits
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	_, err := d.Token()
	return v, err == io.EOF
}

func sameDocument(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, v := range a {
			if w, ok := b[name]; !ok || !sameDocument(v, w) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameDocument(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameDecimal(a.String(), b.String(), -1)
	}
	return a == b
}
