package inner

import (
	"strings"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall does not name: how
// long, in milliseconds, sent data may go unacknowledged. Keepalive does not
// look at connections with such data.
const tcpUserTimeout = 0x12

// limitUnacked bounds how long a connection waits for a dead peer that it has
// sent something to. That an older kernel refuses is no reason not to connect.
func limitUnacked(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	return c.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unackedLimit.Milliseconds()))
	})
}
