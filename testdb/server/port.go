//go:build unix

package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports are taken from below the range from which the kernels of Linux (32768)
// and macOS (49152) pick ports for outgoing connections. A port of that range
// could be lost to any client while a server is down between Kill and Start.
const (
	firstPort = 15000
	lastPort  = 30000
)

// freePort returns a port of the loopback address on which nobody listens now.
// Somebody else may take it before it is used: callers bind it themselves and
// ask for another one when that fails.
func freePort(ctx context.Context) (int, error) {
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := listenLoopback(ctx, port)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			return 0, err
		}
		return port, nil
	}
	return 0, errors.New("server: no free port on 127.0.0.1")
}

// listenLoopback listens on a port of 127.0.0.1.
func listenLoopback(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", loopback(port))
}

func loopback(port int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}
