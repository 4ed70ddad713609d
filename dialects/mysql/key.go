package mysql

import (
	"fmt"
	"strconv"
	"strings"
)

// A key in the log is a text that says itself of which kind it is, so that it
// does not take the catalogue of that time to read it:
//
//	i-17          a signed integer, an int64
//	u17           an unsigned integer, a uint64 however small
//	sÄpfel        text as UTF-8, a string
//	b\x00\x01     bytes, a []byte
//	d2026-01-31   a date, a string
//	gf47a…        a UUID of MariaDB, a string
//
// A key of several columns, a []any, begins with a parenthesis, and four
// hexadecimal digits behind each kind tell the length of the value:
// (i000217s0003abc.
type kind byte

const (
	kindInt   kind = 'i'
	kindUint  kind = 'u'
	kindText  kind = 's'
	kindBytes kind = 'b'
	kindDate  kind = 'd'
	kindUUID  kind = 'g'
)

// keyLimit is the length of the log's key column. InnoDB's longest primary key
// is 3072 bytes, which may be as many characters of a narrow character set,
// and each of these up to four bytes in UTF-8.
const keyLimit = 4*3072 + 16*5 + 32

// column is a column of a table, as far as keys need it.
type column struct {
	name     string
	dataType string // DATA_TYPE
	unsigned bool
	// chars and octets are the most that a value can have, 0 if that is not
	// said of the type.
	chars, octets int64
	generated     bool
}

// kind returns how values of the column stand in a key, and the most bytes
// they take. The kind is 0 for a column whose values have equal ones that look
// different, or look different in other sessions.
func (c column) kind() (k kind, size int64) {
	if c.generated {
		return 0, 0
	}
	switch c.dataType {
	case "tinyint", "smallint", "mediumint", "int", "bigint":
		if c.unsigned {
			return kindUint, 255 // ZEROFILL
		}
		return kindInt, 20
	case "char", "varchar":
		return kindText, 4 * c.chars
	case "binary", "varbinary":
		return kindBytes, c.octets
	case "date":
		return kindDate, 10
	case "uuid":
		return kindUUID, 36
	}
	return 0, 0
}

// text is SQL for the value of the column in the row called row.
func (c column) text(row string) string {
	value := row + "." + quoteName(c.name)
	switch k, _ := c.kind(); k {
	case kindText:
		return "CAST(CONVERT(" + value + " USING utf8mb4) AS BINARY)"
	case kindBytes:
		return value
	default:
	}
	return "CAST(CAST(" + value + " AS CHAR) AS BINARY)"
}

// whyWhole says why rows with this primary key are not told apart in the log,
// or returns nothing.
func whyWhole(key []column) string {
	if len(key) == 0 {
		return "it has no primary key"
	}
	var size int64
	for _, c := range key {
		k, n := c.kind()
		switch {
		case c.generated:
			return fmt.Sprintf("column %s of its primary key is generated", c.name)
		case k == 0:
			return fmt.Sprintf("column %s of its primary key is of type %s", c.name, c.dataType)
		}
		size += n + 5
	}
	if size > keyLimit {
		return fmt.Sprintf("its primary key may have %d bytes", size)
	}
	return ""
}

// keyOf is SQL for the key of the row called row.
func keyOf(key []column, row string) string {
	if len(key) == 1 {
		k, _ := key[0].kind()
		return fmt.Sprintf("CONCAT('%c', %s)", k, key[0].text(row))
	}
	var parts []string
	for _, c := range key {
		k, _ := c.kind()
		text := c.text(row)
		parts = append(parts, fmt.Sprintf("'%c', LPAD(HEX(LENGTH(%s)), 4, '0'), %[2]s", k, text))
	}
	return "CONCAT('(', " + strings.Join(parts, ", ") + ")"
}

// decodeKey reads a key of the log. It returns nil for one that cannot be
// read, which stands for any row.
func decodeKey(text []byte) any {
	switch {
	case len(text) == 0:
		return nil
	case text[0] != '(':
		return decodeValue(kind(text[0]), text[1:])
	}
	text = text[1:]
	var values []any
	for len(text) > 0 {
		if len(text) < 5 {
			return nil
		}
		n, err := strconv.ParseUint(string(text[1:5]), 16, 16)
		if err != nil || uint64(len(text)-5) < n {
			return nil
		}
		value := decodeValue(kind(text[0]), text[5:5+n])
		if value == nil {
			return nil
		}
		values = append(values, value)
		text = text[5+n:]
	}
	if len(values) < 2 {
		return nil
	}
	return values
}

func decodeValue(k kind, text []byte) any {
	switch k {
	case kindInt:
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return n
		}
	case kindUint:
		if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
			return n
		}
	case kindText, kindDate, kindUUID:
		return string(text)
	case kindBytes:
		// Not nil, which would be no value.
		return append([]byte{}, text...)
	}
	return nil
}
