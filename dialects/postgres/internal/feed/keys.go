package feed

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/vantage-go/live/dialects"
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

// keyOIDs are the oids of the types.
var keyOIDs = map[string]int{
	"smallint": 21, "integer": 23, "bigint": 20, "text": 25, "character varying": 1043,
	"uuid": 2950, "date": 1082, "boolean": 16, "bytea": 17,
}

// pinKinds are the kinds of the types as the analysis of statements knows them.
// A date has several spellings in a statement.
var pinKinds = map[string]dialects.KeyKind{
	"smallint": dialects.IntKey, "integer": dialects.IntKey, "bigint": dialects.IntKey,
	"text": dialects.TextKey, "character varying": dialects.TextKey, "uuid": dialects.UUIDKey,
	"boolean": dialects.BoolKey, "bytea": dialects.BytesKey,
}

// keyColumns returns the columns of the key as the analysis of statements needs
// them, or nothing if the log does not tell keys of r, a statement could spell
// them in other ways, or it could change them without naming them. Changes of the relatives of r come with the same keys, or
// as marks on the whole of r: see nameRelatives.
func (r *relation) keyColumns() []dialects.KeyColumn {
	if len(r.keys) == 0 {
		return nil
	}
	columns := make([]dialects.KeyColumn, len(r.primary))
	for i, c := range r.primary {
		kind := pinKinds[c.typ]
		if kind == dialects.NoKey || c.generated {
			return nil
		}
		columns[i] = dialects.KeyColumn{Name: c.name, Kind: kind}
	}
	return columns
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
