// Package rowmap maps the fields of a Go struct to the columns of a table,
// and compares and copies rows column by column.
//
//	struct type, `db` tags ─ [For] → *Plan ─ Bind(columns of the catalogue) → *Plan that compares as the database does
//	columns alone          ─ [Untyped] → the same for rows that are map[string]any
//
// A row is an any that holds a pointer: *T for a struct type T,
// *map[string]any for untyped rows. A [Plan] tells in which columns two rows
// differ ([Plan.Diff]), copies a row so that nothing is shared ([Plan.Clone]),
// and reads and writes single columns.
//
// Two values of a column are equal when the database would keep the same for
// both: a time is looked at in the precision of its column, a number in a
// numeric column is a number even as text, a jsonb document has no order.
// Comparers are compiled once for each column and Go type; comparing allocates
// nothing, but for values that only their own methods can compare.
//
// The package knows nothing of connections and statements. It holds no rows.
package rowmap
