package feed

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// keyKind is how the log holds the values of one key column.
type keyKind byte

// The kinds of key columns. Only types are among them whose equal values have
// one spelling: 1.0 and 1.00, or two texts that a collation takes for equal,
// would be two keys of one row.
const (
	keyInt   keyKind = iota + 1 // int2, int4, int8: a JSON number
	keyText                     // text, varchar, uuid, date: a JSON string
	keyBool                     // a JSON boolean
	keyBytes                    // bytea: a JSON string of \x and hexadecimal digits
)

// keyKinds are the kinds of the types, as format_type spells them.
var keyKinds = map[string]keyKind{
	"smallint": keyInt, "integer": keyInt, "bigint": keyInt,
	"text": keyText, "character varying": keyText, "uuid": keyText, "date": keyText,
	"boolean": keyBool, "bytea": keyBytes,
}

// isText reports whether the column holds what people write.
func (c keyColumn) isText() bool { return c.typ == "text" || c.typ == "character varying" }

// decode returns the value of one element of the log's keys: an int64, string,
// bool or []byte.
func (k keyKind) decode(value json.RawMessage) (any, error) {
	v, err := k.read(value)
	if err != nil {
		return nil, fmt.Errorf("postgres: a key in the change log cannot be read: %w", err)
	}
	return v, nil
}

func (k keyKind) read(value json.RawMessage) (any, error) {
	if bytes.Equal(value, []byte("null")) {
		return nil, errors.New("it is null")
	}
	switch k {
	case keyInt:
		var n int64
		err := json.Unmarshal(value, &n)
		return n, err
	case keyText:
		var s string
		err := json.Unmarshal(value, &s)
		return s, err
	case keyBool:
		var b bool
		err := json.Unmarshal(value, &b)
		return b, err
	case keyBytes:
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return nil, err
		}
		return hex.DecodeString(strings.TrimPrefix(s, `\x`))
	default:
		return nil, fmt.Errorf("its kind %d is unknown", k)
	}
}
