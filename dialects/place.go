package dialects

// Place is where a connection is, and as whom.
type Place struct {
	// Database numbers databases, from 1.
	Database uint64
	// Settings numbers everything of the session that results may depend on:
	// user and role, search path, time zone, formats, modes. Two connections
	// with one number get the same answer to the same read. It is 0 for a
	// session with something of its own that no other can have, such as
	// temporary tables: what it reads is nobody else's.
	Settings uint64
}
