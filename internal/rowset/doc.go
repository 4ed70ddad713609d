// Package rowset records the rows of a query and plays them back.
//
//	inner rows → [Record] ─ whole result within the budget → *Set, immutable → [Set.Rows], any number of times
//	                      └ more, several results, an error → rows that replay what was read and go on live
//
//	*Set → [Set.Pack] → [Packed], the form in which it is kept → [Packed.Rows]
//
// A Set holds no memory of the driver that made it, and gives none of its own
// away: bytes are copied in and copied out again, so that neither the driver's
// next row nor a caller that writes into sql.RawBytes can change it. The rows
// it plays back have the columns, the column types, the values and the dynamic
// types of those that were recorded.
//
// The package never decides whether a result may be kept.
package rowset
