package rowmap

import "time"

// Kind is what a column holds, as far as that decides which values are equal.
type Kind uint8

// The kinds of columns.
const (
	Unknown   Kind = iota // the Go type alone decides
	Bool                  // 0 and 1 where the database has no truth values
	Int                   // whole numbers
	Float32               // compared as float32
	Float64               // NaN equals NaN, and -0 equals 0
	Numeric               // decimal numbers, also as text: 1.50 is 1.5
	Text                  // compared byte by byte
	Char                  // padded with spaces, which do not count
	Bytes                 // nil is NULL, empty is not
	Instant               // a point in time: the zone does not count
	WallClock             // date and time without a zone: the zone is not stored
	Date                  // year, month and day
	JSON                  // documents kept as text
	JSONB                 // documents kept decoded: spelling and order do not count
	UUID                  // text in any of its spellings
)

// Column describes one column of a table. The catalogue of the database gives
// it; the zero value of everything but Name is what is known without one.
type Column struct {
	Name string
	Kind Kind

	// Type is the database's name of the type without length or precision,
	// in the form in which a value can be cast to it.
	Type string

	// Digits is the number of fractional digits of a second that the column
	// keeps, plus one; 0 if that is not known.
	Digits int
	// Truncates tells that the database cuts off further digits of a second,
	// where others round.
	Truncates bool
	// Scale is the number of decimals that a numeric column keeps, plus one;
	// 0 if it keeps any number.
	Scale int

	Key       bool // part of the primary key
	Nullable  bool
	Default   bool // the database has a value for it: default, identity, serial
	Generated bool // the database alone writes it

	// Incomparable tells that the database's own equality is not that of this
	// package, so that it must not be asked.
	Incomparable bool
}

// Keeps sets how many fractional digits of a second the column keeps.
func (c *Column) Keeps(digits int) { c.Digits = digits + 1 }

// unit returns the shortest time that the column can tell apart, 0 if that is
// not known.
func (c *Column) unit() time.Duration {
	if c.Digits == 0 {
		return 0
	}
	unit := time.Second
	for range min(c.Digits-1, 9) {
		unit /= 10
	}
	return unit
}
