package table

import (
	"database/sql"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/vantage-go/live/dialects"
)

// holds are the keys of the rows in the result of a query.
type holds struct {
	ground  *ground // whose key it is
	fields  [][]int // of rows, that have its columns
	texts   []string
	known   bool
	keeping *keeping // how the result can be kept; nil if it cannot
}

// find finds the columns of the key in a result whose columns have these names
// and go into these fields.
func (h *holds) find(l *dialects.Listing, names []string, fields [][]int) {
	for _, column := range h.ground.key {
		at := -1
		for i, name := range names {
			switch {
			case !strings.EqualFold(name, column):
			case at >= 0:
				return // which of them is the column, is not certain
			default:
				at = i
			}
		}
		if at < 0 || !l.Shows(column) {
			return
		}
		h.fields = append(h.fields, fields[at])
	}
	h.known = len(h.ground.key) > 0
}

// add adds the key of a row.
func (h *holds) add(row reflect.Value) {
	if !h.known {
		return
	}
	columns := make([]reflect.Value, len(h.fields))
	for i, index := range h.fields {
		columns[i] = row.FieldByIndex(index) // which scanning has made
	}
	text, ok := keyText(columns...)
	h.known = ok
	h.texts = append(h.texts, text)
}

// keyText returns the columns of a key as one text, whether the change log tells
// them or they were read into fields of a row: then it is a text that may stand
// for several keys, but no key has two. It returns false where that is not
// certain.
func keyText(columns ...reflect.Value) (string, bool) {
	var b strings.Builder
	for i, v := range columns {
		text, ok := columnText(v)
		if !ok {
			return "", false
		}
		if i > 0 {
			b.WriteByte(0)
		}
		b.WriteString(text)
	}
	return b.String(), true
}

// columnText goes by what the values look like in SQL: a row may have an integer
// in a field for texts. Blanks at the end, and the difference between capital
// and small letters, may come and go with the session; other letters than those
// of ASCII look different in other character sets.
func columnText(v reflect.Value) (string, bool) {
	if !v.IsValid() {
		return "", false
	}
	_, scans := reflect.New(v.Type()).Interface().(sql.Scanner)
	var text string
	switch kind := v.Kind(); {
	case kind == reflect.Array && v.Type().Elem().Kind() == reflect.Uint8 && v.Len() == 16:
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		text = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	case scans: // it may make something else of the value
		return "", false
	case v.CanInt():
		text = strconv.FormatInt(v.Int(), 10)
	case v.CanUint():
		text = strconv.FormatUint(v.Uint(), 10)
	case kind == reflect.String:
		text = v.String()
	case kind == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		text = string(v.Bytes())
	default:
		return "", false
	}
	for i := range len(text) {
		if text[i] >= 0x80 || text[i] == 0 {
			return "", false
		}
	}
	return strings.ToLower(strings.TrimRight(text, " ")), true
}
