package dialects

import (
	sqldriver "database/sql/driver"
	"fmt"
	"strconv"
	"strings"
)

// KeyKind is the type of one column of a primary key, as far as it matters for
// telling whether two values name the same row.
type KeyKind uint8

// The kinds of key columns. Values of other types have no form in which equal
// ones look the same.
const (
	NoKey    KeyKind = iota
	IntKey           // a whole number
	TextKey          // a text whose equal values have equal bytes
	UUIDKey          // a UUID
	BoolKey          // true or false
	BytesKey         // a string of bytes
	TimeKey          // a moment, as a time.Time
)

// KeyColumn is one column of a primary key whose values the change log tells.
type KeyColumn struct {
	Name string
	Kind KeyKind
}

// Pin tells that a statement depends on, or changes, only those rows of a table
// that have one of a few primary keys. It never changes.
type Pin struct {
	Table Table
	// Kinds are those of the columns of the key, in its order.
	Kinds []KeyKind
	// Rows has the values of these columns for each of the keys.
	Rows [][]Operand
}

// Operand is a value in a text: an argument or a literal.
type Operand struct {
	// Param is the ordinal of the argument, from 1, or 0 for a literal.
	Param int
	// Literal is an int64, string, bool or []byte.
	Literal any
	// approximate: the database may take the value for one of another type, by
	// what it is compared with elsewhere. As floats, large numbers count as the
	// same; as a char(n), texts lose the blanks at their end, and as a name all
	// but the first 63 bytes.
	approximate bool
	// literal is the ordinal of the literal among those of the text, or 0, and
	// negative says whether a minus stands before it.
	literal  int
	negative bool
}

// Key is a primary key in a form that is the same for all spellings of it.
type Key string

// Keys returns the keys under args, or false if they cannot be told: then any
// row of the table counts.
func (p *Pin) Keys(args []sqldriver.NamedValue) ([]Key, bool) {
	return p.AppendKeys(make([]Key, 0, len(p.Rows)), args)
}

// AppendKeys appends what Keys returns.
func (p *Pin) AppendKeys(keys []Key, args []sqldriver.NamedValue) ([]Key, bool) {
	var buffer [64]byte
	for _, row := range p.Rows {
		key := buffer[:0]
		for i, o := range row {
			value := o.Literal
			if o.Param > 0 {
				arg, ok := argument(args, o.Param)
				if !ok {
					return nil, false
				}
				value = arg
			}
			if o.approximate && (p.Kinds[i] == TextKey || !exactFloat(value)) {
				return nil, false
			}
			var ok bool
			if key, ok = p.Kinds[i].append(key, value); !ok {
				return nil, false
			}
		}
		keys = append(keys, Key(key))
	}
	return keys, true
}

// argument returns the value of the argument with that ordinal.
func argument(args []sqldriver.NamedValue, ordinal int) (any, bool) {
	if ordinal > len(args) || args[ordinal-1].Ordinal != ordinal || args[ordinal-1].Name != "" {
		return nil, false
	}
	return args[ordinal-1].Value, true
}

// Describe returns the keys under args in words: 7, "x", (7, "x"). An argument
// that is not among args is told by its ordinal: $1. It returns false where Keys
// would.
func (p *Pin) Describe(args []sqldriver.NamedValue) ([]string, bool) {
	keys := make([]string, 0, len(p.Rows))
	for _, row := range p.Rows {
		words := make([]string, len(row))
		for i, o := range row {
			if o.Param > len(args) {
				words[i] = "$" + strconv.Itoa(o.Param)
				continue
			}
			one := Pin{Kinds: p.Kinds[i : i+1], Rows: [][]Operand{{o}}}
			if _, ok := one.Keys(args); !ok {
				return nil, false
			}
			value := o.Literal
			if o.Param > 0 {
				value, _ = argument(args, o.Param)
			}
			switch v := value.(type) {
			case string:
				words[i] = strconv.Quote(v)
			case []byte:
				words[i] = fmt.Sprintf("%#x", v)
			default:
				words[i] = fmt.Sprint(v)
			}
		}
		key := strings.Join(words, ", ")
		if len(words) > 1 {
			key = "(" + key + ")"
		}
		keys = append(keys, key)
	}
	return keys, true
}
