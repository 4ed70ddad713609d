//go:build !linux

package torture

import "time"

// now returns the wall clock in nanoseconds: all processes read the same, as
// long as nobody sets it.
func now() int64 { return time.Now().UnixNano() }
