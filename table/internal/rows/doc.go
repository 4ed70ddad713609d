// Package rows is a persistent hash map: the rows of a live table by key.
//
//	Map ─ Edit → *Edit ─ Set, Delete … ─ Map → the next Map
//
// A [Map] is immutable and copied by value: taking a snapshot is copying three
// words, and readers need neither locks nor atomic operations of their own. The
// next one shares with it everything that has not changed.
//
//	directory → pages of 64 shards → shard: keys and rows, open addressing
//
// A shard holds some tens of rows. An [Edit] copies the directory, and each
// page and shard that it changes, once; so a batch of changes pays for each
// only once, and a Get costs two more steps than that of a plain map.
//
// Values are pointers, which the map never follows.
package rows
