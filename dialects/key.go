package dialects

import (
	"encoding/binary"
	"math"
	"strconv"
	"unicode/utf8"
)

// KeyOf returns the form of a key that the change log tells: an int64, uint64,
// string, bool or []byte, or a []any of these. It returns false for any other,
// and then any row of the table may be meant.
//
// That of a UUID is a string in lower case with dashes.
func KeyOf(value any) (Key, bool) {
	values, composite := value.([]any)
	if !composite {
		key, ok := appendKey(nil, value)
		return Key(key), ok
	}
	var key []byte
	for _, v := range values {
		var ok bool
		if key, ok = appendKey(key, v); !ok {
			return "", false
		}
	}
	return Key(key), len(values) > 0
}

// appendKey appends the form of one column's value.
func appendKey(key []byte, value any) ([]byte, bool) {
	switch v := value.(type) {
	case int64:
		return binary.BigEndian.AppendUint64(append(key, 'i'), uint64(v)), true
	case uint64:
		if v > math.MaxInt64 {
			return binary.BigEndian.AppendUint64(append(key, 'u'), v), true
		}
		return binary.BigEndian.AppendUint64(append(key, 'i'), v), true
	case bool:
		if v {
			return append(key, 't'), true
		}
		return append(key, 'f'), true
	case string:
		key = binary.AppendUvarint(append(key, 's'), uint64(len(v)))
		return append(key, v...), true
	case []byte:
		key = binary.AppendUvarint(append(key, 'b'), uint64(len(v)))
		return append(key, v...), true
	}
	return nil, false
}

// append appends the form of a value that a statement compares a column of
// kind k with. It returns false for values that the database converts first, in
// ways of its own.
func (k KeyKind) append(key []byte, value any) ([]byte, bool) {
	switch k {
	case IntKey:
		n, ok := wholeNumber(value)
		if !ok {
			return nil, false
		}
		return appendKey(key, n)
	case UUIDKey:
		text, ok := value.(string)
		if !ok {
			return nil, false
		}
		if text, ok = canonicalUUID(text); !ok {
			return nil, false
		}
		return appendKey(key, text)
	case TextKey:
		// A database with another encoding would change other bytes.
		if text, ok := value.(string); ok && utf8.ValidString(text) {
			return appendKey(key, text)
		}
	case BoolKey:
		if b, ok := value.(bool); ok {
			return appendKey(key, b)
		}
	case BytesKey:
		if b, ok := value.([]byte); ok && b != nil {
			return appendKey(key, b)
		}
	case TimeKey:
		if n, ok := microseconds(value); ok {
			return binary.BigEndian.AppendUint64(append(key, 'z'), uint64(n)), true
		}
	case NoKey:
	}
	return nil, false
}

// wholeNumber returns an int64 or uint64 for an integer of whatever type, and
// for a text that is one as strconv spells it.
func wholeNumber(value any) (any, bool) {
	switch v := value.(type) {
	case int64, uint64:
		return v, true
	case int:
		return int64(v), true
	case int8:
		return int64(v), true
	case int16:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint:
		return uint64(v), true
	case uint8:
		return uint64(v), true
	case uint16:
		return uint64(v), true
	case uint32:
		return uint64(v), true
	case string:
		// MySQL compares texts with numbers as floats.
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil && strconv.FormatInt(n, 10) == v && exactFloat(n)
	}
	return nil, false
}

// exactFloat reports whether a value is no number, or a whole one that no
// float64 takes for another one.
func exactFloat(value any) bool {
	const most = 1<<53 - 1
	switch n, _ := wholeNumber(value); n := n.(type) {
	case int64:
		return -most <= n && n <= most
	case uint64:
		return n <= most
	}
	return true
}

// canonicalUUID returns a UUID in lower case. It knows the form with four
// dashes only; databases take others, too.
func canonicalUUID(text string) (string, bool) {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(text) != len(form) {
		return "", false
	}
	for i := range len(text) {
		if (form[i] == '-') != (text[i] == '-') || form[i] == 'x' && !isHex(lower(text[i])) && !isDigit(text[i]) {
			return "", false
		}
	}
	return lowerASCII(text), true
}
