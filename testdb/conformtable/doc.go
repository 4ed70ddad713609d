// Package conformtable holds the conformance suite of the dataset contracts of
// package table: every set of rows, live or not, whatever is behind it, must
// pass it.
//
//	func TestSet(t *testing.T) { conformtable.Run(t, open) }
//
// Open makes a [Fixture]: a set over an empty table that is narrowed to the rows
// whose Grp is 1, and ways to write and to read the table past the set. The
// suite checks each promise of table.DataSet and table.ValueSet in a subtest on
// a fixture of its own, and after each that no row outside of the set has
// changed.
//
// All checks take a testing.TB, so that sets that are broken on purpose can be
// shown to fail.
package conformtable
