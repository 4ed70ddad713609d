package inner

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// How a connection finds out that its peer is gone. Whoever waits for an
// answer has a deadline of its own; this is for those who wait without end,
// and it keeps the way through firewalls open.
const (
	idleTime      = 15 * time.Second
	probeInterval = 5 * time.Second
	probeCount    = 3
	unackedLimit  = 20 * time.Second // where the platform can limit it
)

// parting is how long a connection may take that is dialled for a last word:
// the request to cancel a statement.
const parting = time.Second

// Sockets dials the network connections of one connection to a database, and
// cuts them. The zero value is ready.
type Sockets struct {
	mu      sync.Mutex // guards the rest
	open    []net.Conn
	cancels []context.CancelFunc // of dials under way
	settled bool
	cut     bool
}

// ErrCut is returned for a connection that was cut.
var ErrCut = errors.New("the connection was cut")

// Settle says that the connection stands. What is dialled from now on is for
// requests to cancel a statement: they are let through after Cut, too, but
// have little time.
func (s *Sockets) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = true
}

// Cut closes the network connections, without a word to the peer.
func (s *Sockets) Cut() {
	s.mu.Lock()
	open, cancels := s.open, s.cancels
	s.open, s.cancels, s.cut = nil, nil, true
	s.mu.Unlock()
	for _, cancel := range cancels {
		cancel()
	}
	for _, c := range open {
		_ = c.Close() // there may be nobody to complain to
	}
}

// Dial implements the dialer of lib/pq.
func (s *Sockets) Dial(network, address string) (net.Conn, error) {
	return s.DialContext(context.Background(), network, address)
}

// DialTimeout implements the dialer of lib/pq.
func (s *Sockets) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return s.DialContext(ctx, network, address)
}

// DialContext dials.
func (s *Sockets) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	settled, err := s.begin(cancel)
	if err != nil {
		return nil, err
	}
	if settled {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, parting)
		defer end()
	}
	dialer := net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: idleTime, Interval: probeInterval, Count: probeCount},
		Control:         limitUnacked,
	}
	c, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if settled {
		return c, c.SetDeadline(time.Now().Add(parting))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut {
		return nil, errors.Join(ErrCut, c.Close())
	}
	s.open = append(s.open, c)
	return c, nil
}

// begin notes a dial under way.
func (s *Sockets) begin(cancel context.CancelFunc) (settled bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.settled:
		return true, nil
	case s.cut:
		return false, ErrCut
	}
	s.cancels = append(s.cancels, cancel)
	return false, nil
}
