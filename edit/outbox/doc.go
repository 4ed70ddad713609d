// Package outbox keeps the accepted saves of an edit.Writer in a file, so that
// they outlive the process.
//
//	save ─ edit.Writer ─ accepted → file, and to the disk ─ sent → database ─ ended → out of the file
//	                                    └─ after a crash: edit.Writer.Replay, or by itself with livesql.WithOutbox
//
// The file is a database of bbolt with the saves in the order in which they
// were accepted. What was written to it is whole or not there: a process that
// is killed, or a machine that loses power, leaves a file that opens again. A
// file that is damaged otherwise is not opened and not touched.
//
// The package keeps saves and does not know what is in them; it never writes to
// another database. It is a module of its own, so that only those who use it
// depend on bbolt.
package outbox
