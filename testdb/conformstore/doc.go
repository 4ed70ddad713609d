// Package conformstore holds the conformance suite of the row stores of package
// table: whatever keeps the rows of live tables must pass it.
//
//	func TestStore(t *testing.T) { conformstore.Run(t, fixture) }
//
// A [Fixture] opens stores over one place, and opens them again as another run of
// the program would. The suite checks each promise of table.RowStore and
// table.Shelf in a subtest, on a place of its own, and last a live table over
// the store: that it starts with what is kept, and never with what is stale.
// [Crash] kills a process in the middle of its writes, again and again.
//
// All checks take a testing.TB, so that stores that are broken on purpose can be
// shown to fail.
package conformstore
