// Package edit gives forms and programs edit sessions on the rows of a
// database, and saves them behind their back in batches.
//
//	[Editor.Edit], [Editor.New] → *[RecordEdit]: V is the caller's own copy of the row
//	V ─ Save, SaveAsync ─ diff with the snapshot → operation ─ [Writer] ─ batch → [Store] → database
//	result of each operation, changes of others ([Editor.Observe]) → parked → merged into V when the caller asks
//
// What is modified is computed from the snapshot, never flagged: a value that
// is changed and changed back is not modified, and saving a record without
// changes sends nothing.
//
// Changes of others are merged field by field against the snapshot. Only when
// both sides gave one field different values there is a conflict, which the
// caller resolves, or a [Policy]. What the caller typed survives every
// failure: conflicts, constraints, lost connections, and the deletion of the
// record.
//
// # Who may call what
//
// A RecordEdit belongs to one goroutine, as a bytes.Buffer does. Nothing in
// the background ever writes into V: results of saves are taken into V inside
// the methods of the RecordEdit only, changes of others only in
// [RecordEdit.Save], [RecordEdit.SaveAsync], [RecordEdit.RefreshSnapshot] and
// [RecordEdit.Resolve]. Any number of sessions may be open on a table and on
// one record. Editor and Writer may be used concurrently, and so may the
// [Pending] of a save.
//
// # What outlives the process
//
// Without more, accepted saves live in memory: [Writer.Shutdown] waits for them,
// or returns them. [WithOutbox] keeps them in a journal until they have ended
// ([Pending.Accepted], then [Pending.Done]); package edit/outbox has one in a
// file. [Writer.Replay], or [Writer.ReplayTable] for one table after the other,
// saves what a process that was killed has left, each save once. The package makes
// no other promise across a crash.
//
// # What it never does
//
// It validates nothing: the database does. It never writes a column that the
// caller did not change, never sends an update that nobody checks against what
// the caller saw, never splits the changes of one save over transactions, and
// never drops an accepted save without telling. It knows no SQL: that is in
// package sqlstore below.
package edit
