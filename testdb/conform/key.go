package conform

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vantage-go/live/listen"
)

// rowID is a row in a form that can be compared: key is empty for a mark on
// the whole table.
type rowID struct {
	table, key string
}

func (r rowID) String() string {
	if r.key == "" {
		return r.table + " (whole)"
	}
	return r.table + " " + r.key
}

// id returns the form of r that can be compared.
func (r Row) id() rowID { return rowID{r.Table, keyText(r.Key)} }

// keyText spells a key with its type: 1, "1" and []byte("1") are three keys.
func keyText(key any) string {
	switch key := key.(type) {
	case nil:
		return ""
	case []any:
		parts := make([]string, len(key))
		for i, part := range key {
			parts[i] = keyText(part)
		}
		return "(" + strings.Join(parts, ", ") + ")"
	case string:
		return fmt.Sprintf("string %q", key)
	case []byte:
		return fmt.Sprintf("[]byte %x", key)
	default:
		return fmt.Sprintf("%T %v", key, key)
	}
}

// keyProblem says what is wrong with the type of a key, or returns nothing.
func keyProblem(key any) string {
	switch key := key.(type) {
	case int64, uint64, float64, string, bool, []byte:
		return ""
	case []any:
		if len(key) < 2 {
			return fmt.Sprintf("a key of %d parts is no composite key", len(key))
		}
		for _, part := range key {
			if _, nested := part.([]any); nested {
				return "a composite key within a key"
			}
			if problem := keyProblem(part); problem != "" {
				return problem
			}
		}
		return ""
	default:
		return fmt.Sprintf("a key of type %T", key)
	}
}

// changeProblem says what is wrong with the form of a change in this schema,
// or returns nothing.
func changeProblem(schema string, c listen.Change) string {
	switch {
	case c.Table.Schema != schema || c.Table.Name == "":
		return fmt.Sprintf("a change of table %q in schema %q, want schema %q", c.Table.Name, c.Table.Schema, schema)
	case c.Op == listen.Whole && c.Key != nil:
		return "a mark with a key"
	case c.Op == listen.Whole:
		return ""
	case c.Op != listen.Insert && c.Op != listen.Update && c.Op != listen.Delete:
		return fmt.Sprintf("a change of the unknown kind %q", c.Op)
	default:
		return keyProblem(c.Key)
	}
}

// told is what a delta says, without order and repetitions.
type told map[rowID]bool

func tell(changes []listen.Change) told {
	t := make(told)
	for _, c := range changes {
		t[rowID{c.Table.Name, keyText(c.Key)}] = true
	}
	return t
}

// covers reports whether the row was told, or marked.
func (t told) covers(r rowID) bool { return t[r] || t[rowID{table: r.table}] }

func (t told) String() string {
	var all []string
	for r := range maps.Keys(t) {
		all = append(all, r.String())
	}
	slices.Sort(all)
	if len(all) > 12 {
		all = append(all[:12], fmt.Sprintf("… %d in all", len(t)))
	}
	return "[" + strings.Join(all, "; ") + "]"
}
