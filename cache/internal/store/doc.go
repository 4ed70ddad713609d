// Package store holds the cache's entries: values under a hash, within a number
// of bytes.
//
//	Put ─ new ──────→ small queue ─ asked for again, or costly ─→ main queue
//	                     └ else: out, remembered by its hash       ├ asked for: once more through
//	    ─ remembered ─────────────────────────────────────────────→└ else: out
//
// What is evicted is decided by S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi: FIFO
// queues are all you need for cache eviction, SOSP 2023): most values are asked
// for once, and leave by the small queue before they have displaced anything. It
// keeps no order among the values that are in use, so that a hit changes
// nothing but a small counter of its own. Beyond the paper, values are weighed
// by their bytes, and one that was expensive for its size goes round the main
// queue a few times more before it leaves.
//
// # Memory
//
// Values lie in slabs and are linked by number; the index has numbers, too. So
// a million values are some thousand heap objects, beside what each points to.
// The bytes that the store counts are those that it allocates, also for values
// that have left, and what the values have in common: see [Store.Bytes]. Nothing that a call does takes longer the
// more is stored: a reset forgets the slabs, and an eviction looks at a bounded
// number of values.
//
// The store knows nothing of what the values mean. It never says whether one may
// be served.
package store
