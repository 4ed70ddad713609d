//go:build !linux

package inner

import "syscall"

// limitUnacked does nothing: the platform has its own limit.
func limitUnacked(string, string, syscall.RawConn) error { return nil }
