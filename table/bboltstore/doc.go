// Package bboltstore keeps the rows of live tables in a file, so that they
// outlive a restart of the program.
//
//	store, err := bboltstore.Open("shop.rows")
//	defer store.Close()
//	bakeries, err := livesql.OpenTable[int64, Bakery](ctx, db, "bakery", table.StoreIn(store))
//
// The file belongs to one process at a time. Each update is one transaction of
// bbolt, and on disk when it returns; a replacement of all rows is written
// beside the old ones in several, and takes their place in the last. So
// whatever happens, what the next run finds is whole. A file that is damaged, or
// of another version, is an error of Open, which never deletes anything.
//
// It is a module of its own, so that programs without it need no bbolt.
package bboltstore
