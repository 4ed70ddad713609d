package dialects

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ColumnKind tells how the values of a column are compared.
type ColumnKind struct {
	Kind KeyKind
	// Ordered: of two values that which is the lesser for the database is the
	// lesser by Order.
	Ordered bool
	// Mixed: the column may have values of other types, too, as in SQLite, which
	// tells values apart by their types.
	Mixed bool
}

// namedKind is a column of a table.
type namedKind struct {
	ColumnKind
	name string
}

// folded returns columns by their folded names.
func folded(flavor Flavor, columns map[string]ColumnKind) map[string]namedKind {
	all := make(map[string]namedKind, len(columns))
	for name, kind := range columns {
		all[Fold(flavor, name)] = namedKind{kind, name}
	}
	return all
}

// plain makes of a value that a driver has read one that kinds know.
func (c ColumnKind) plain(value any) (any, bool) {
	if text, ok := value.([]byte); ok && c.Kind != BytesKey {
		if c.Mixed {
			return nil, false // bytes are neither texts nor numbers
		}
		value = string(text)
	}
	if text, ok := value.(string); ok && c.Kind == IntKey {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || c.Mixed {
			return nil, false
		}
		value = n
	}
	return value, true
}

// Stored returns the form of a value that a driver has read from the column, as
// tests and paths compare it. It returns false for one that may be equal to
// values which look different.
func (c ColumnKind) Stored(value any) (Key, bool) {
	value, ok := c.plain(value)
	if !ok {
		return "", false
	}
	key, ok := c.Kind.append(nil, value)
	return Key(key), ok
}

// Order returns a form of a value that a driver has read from the column: forms
// compare as the database compares the values, and none begins with another one
// or with 0xFF. It returns false if that is not certain.
func (c ColumnKind) Order(value any) (Key, bool) {
	value, ok := c.plain(value)
	if !ok {
		return "", false
	}
	return c.order(value)
}

func (c ColumnKind) order(value any) (Key, bool) {
	if !c.Ordered {
		return "", false
	}
	switch c.Kind {
	case IntKey:
		n, ok := wholeNumber(value)
		switch n := n.(type) {
		case int64:
			sign := byte(0)
			if n >= 0 {
				sign = 1
			}
			return Key(binary.BigEndian.AppendUint64([]byte{sign}, uint64(n))), ok
		case uint64:
			return Key(binary.BigEndian.AppendUint64([]byte{1}, n)), ok
		}
	case UUIDKey:
		if text, ok := value.(string); ok {
			text, ok = canonicalUUID(text)
			return Key(text), ok
		}
	case TextKey:
		if text, ok := value.(string); ok && utf8.ValidString(text) {
			return Key(strings.ReplaceAll(text, "\x00", "\x00\x01") + "\x00\x00"), true
		}
	case BoolKey:
		switch value {
		case false:
			return "\x00", true
		case true:
			return "\x01", true
		}
	case TimeKey:
		if n, ok := microseconds(value); ok {
			return Key(binary.BigEndian.AppendUint64(nil, uint64(n))), true
		}
	case NoKey, BytesKey:
	}
	return "", false
}

// microseconds returns the time since the beginning of the year 1, for a time
// that databases have room for as it is.
func microseconds(value any) (int64, bool) {
	t, ok := value.(time.Time)
	if !ok || t.Nanosecond()%int(time.Microsecond) != 0 || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return 0, false
	}
	var first time.Time
	return t.UnixMicro() - first.UnixMicro(), true
}

// successor is behind a form of Order, and before all that are greater.
func (k Key) successor() Key { return k + "\x00" }

// The keys of NULL, and of what is beyond all values; see [Path].
const (
	NullKey   Key = "n"
	beyondAll Key = "\xff"
)
