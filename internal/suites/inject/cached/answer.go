package cached

import (
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
)

// answer is everything that database/sql can learn from rows.
type answer struct {
	columns []string
	rows    []string // sorted: a statement without ORDER BY may answer in any order
}

// answerOf reads rows to their end and closes them.
func answerOf(rows sqldriver.Rows, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	a, err := readAnswer(rows)
	return a, errors.Join(err, rows.Close())
}

func readAnswer(rows sqldriver.Rows) (a answer, err error) {
	a.columns = rows.Columns()
	row := make([]sqldriver.Value, len(a.columns))
	for {
		if err := rows.Next(row); errors.Is(err, io.EOF) {
			slices.Sort(a.rows)
			return a, nil
		} else if err != nil {
			return a, err
		}
		// SQLite has types for each row, and some drivers know those of a
		// result with the first row only.
		var text strings.Builder
		for i, v := range row {
			fmt.Fprintf(&text, "%s%s; ", spell(v), column(rows, i))
		}
		a.rows = append(a.rows, text.String())
	}
}

// spell writes a value with its type, so that values which differ are written
// differently.
func spell(v sqldriver.Value) string {
	switch v := v.(type) {
	case []byte:
		return fmt.Sprintf("%T %q, nil %v", v, v, v == nil)
	case time.Time:
		return v.Format(time.RFC3339Nano + " MST") // not the pointer to its location
	case string:
		return fmt.Sprintf("%T %q", v, v)
	default:
		return fmt.Sprintf("%T %v", v, v)
	}
}

// column writes what database/sql makes of what rows tell of a column: a driver
// without a method says as much as one whose method says that it does not know.
func column(rows sqldriver.Rows, i int) string {
	var b strings.Builder
	scanType := reflect.TypeFor[any]()
	if r, ok := rows.(sqldriver.RowsColumnTypeScanType); ok {
		scanType = r.ColumnTypeScanType(i)
	}
	fmt.Fprintf(&b, " scanned as %v", scanType)
	if r, ok := rows.(sqldriver.RowsColumnTypeDatabaseTypeName); ok && r.ColumnTypeDatabaseTypeName(i) != "" {
		fmt.Fprintf(&b, ", type %s", r.ColumnTypeDatabaseTypeName(i))
	}
	if r, ok := rows.(sqldriver.RowsColumnTypeLength); ok {
		if n, ok := r.ColumnTypeLength(i); ok {
			fmt.Fprintf(&b, ", length %d", n)
		}
	}
	if r, ok := rows.(sqldriver.RowsColumnTypeNullable); ok {
		if null, ok := r.ColumnTypeNullable(i); ok {
			fmt.Fprintf(&b, ", null %v", null)
		}
	}
	if r, ok := rows.(sqldriver.RowsColumnTypePrecisionScale); ok {
		if p, s, ok := r.ColumnTypePrecisionScale(i); ok {
			fmt.Fprintf(&b, ", precision %d, scale %d", p, s)
		}
	}
	return b.String()
}

// differs tells the first difference of two answers, or nothing.
func (a answer) differs(b answer) string {
	switch {
	case !slices.Equal(a.columns, b.columns):
		return fmt.Sprintf("columns %q, from the database %q", a.columns, b.columns)
	case len(a.rows) != len(b.rows):
		return fmt.Sprintf("%d rows, from the database %d", len(a.rows), len(b.rows))
	}
	for i, row := range a.rows {
		if row != b.rows[i] {
			return fmt.Sprintf("row %s, from the database %s", clip(row), clip(b.rows[i]))
		}
	}
	return ""
}

// clip shortens a text: values may have megabytes.
func clip(text string) string {
	const most = 300
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
