package torture

import "golang.org/x/sys/unix"

// now returns the monotonic clock of the machine in nanoseconds: all processes
// read the same.
func now() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0 // cannot fail with this clock
	}
	return ts.Nano()
}
