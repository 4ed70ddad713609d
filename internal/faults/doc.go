// Package faults breaks what is between a live handle and its database, on
// real servers, while a plain program writes and others read through the
// handle.
//
//	writer (plain driver) ─→ server ←─ proxy ←─ feed → cache ← readers
//	        │ acknowledged versions                              │ versions read
//	        └──────────────────────── judge ─────────────────────┘
//
// No read may be older than the lease, whatever breaks. When the fault is over
// the feed must be live again soon, without having forgotten anything if the
// log proves that nothing was missed, and with a reset if it cannot.
//
// The package holds tests and what they share, and nothing that programs use.
package faults
