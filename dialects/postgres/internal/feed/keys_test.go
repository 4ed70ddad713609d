package feed

import (
	"fmt"
	"testing"
)

func TestKeysAreDecoded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind keyKind
		text string
		want any // nil for an error
	}{
		{keyInt, "9223372036854775807", int64(9223372036854775807)},
		{keyInt, "-9223372036854775808", int64(-9223372036854775808)},
		{keyInt, "9223372036854775808", nil},
		{keyInt, `"1"`, nil},
		{keyInt, "1.5", nil},
		{keyText, `"a\"b\u00e4"`, `a"bä`},
		{keyText, `""`, ""},
		{keyText, "1", nil},
		{keyBool, "true", true},
		{keyBool, "1", nil},
		{keyBytes, `"\\x00ff"`, []byte{0, 255}},
		{keyBytes, `"\\x"`, []byte{}},
		{keyBytes, `"00ff"`, []byte{0, 255}},
		{keyBytes, `"\\x0"`, nil},
		{keyBytes, `"\\xzz"`, nil},
		{keyInt, "null", nil},
		{keyText, "null", nil},
		{keyBool, "null", nil},
		{keyBytes, "null", nil},
		{0, "1", nil},
	} {
		got, err := c.kind.decode([]byte(c.text))
		if (err == nil) != (c.want != nil) || err == nil && fmt.Sprintf("%T %v", got, got) != fmt.Sprintf("%T %v", c.want, c.want) {
			t.Errorf("key %s of kind %d: %#v, %v; want %#v", c.text, c.kind, got, err, c.want)
		}
	}
}
