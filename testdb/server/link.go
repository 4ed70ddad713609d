//go:build unix

package server

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// link is one connection through a [Proxy]: two TCP connections and, for each
// direction, a goroutine that reads and one that writes.
type link struct {
	client net.Conn
	over   <-chan struct{} // closed by end
	cancel context.CancelFunc

	mu      sync.Mutex // guards the rest
	server  net.Conn   // nil until dialled
	faults  faults
	altered chan struct{} // closed and replaced when faults or severed change
	severed bool          // one side was closed behind the back of the other
	damaged bool          // something was lost
	ended   bool
}

// chunk is what one read returned.
type chunk struct {
	data []byte
	end  error // nil, io.EOF or what broke the connection
	at   time.Time
}

// run serves the link until both of its sides have ended.
func (l *link) run(ctx context.Context, target string) {
	defer l.end(false)
	if l.isBlackholed() {
		l.lose(ToServer) // there is none
	} else if err := l.dial(ctx, target); err != nil {
		l.end(true)
		return
	}
	l.mu.Lock()
	server := l.server
	l.mu.Unlock()
	var directions sync.WaitGroup
	directions.Go(func() { l.pump(ToServer, l.client, server) })
	if server != nil {
		directions.Go(func() { l.pump(ToClient, server, l.client) })
	}
	directions.Wait()
}

// dial connects to the server once nothing holds the flow.
func (l *link) dial(ctx context.Context, target string) error {
	if l.await(func(f faults) bool { return !f.hold }) != nil {
		return errEnded
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", target)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ended:
		return errors.Join(errEnded, c.Close())
	case l.severed: // by HalfOpen, meanwhile
		return c.Close()
	}
	l.server = c
	return nil
}

var errEnded = errors.New("the link has ended")

// await returns when the faults allow it, or with an error when the link ends.
func (l *link) await(allow func(faults) bool) error {
	for {
		l.mu.Lock()
		f, altered := l.faults, l.altered
		l.mu.Unlock()
		if allow(f) {
			return nil
		}
		select {
		case <-altered:
		case <-l.over:
			return errEnded
		}
	}
}

// pump carries one direction until its source has ended.
func (l *link) pump(dir Direction, from, to net.Conn) {
	chunks := make(chan chunk, 64)
	var reader sync.WaitGroup
	defer reader.Wait()
	reader.Go(func() { l.read(from, chunks) })
	for {
		select {
		case c := <-chunks:
			if !l.deliver(dir, c, to) {
				return
			}
		case <-l.over:
			return
		}
	}
}

func (l *link) read(from net.Conn, chunks chan<- chunk) {
	for {
		buf := make([]byte, 16<<10)
		n, err := from.Read(buf)
		select {
		case chunks <- chunk{data: buf[:n], end: err, at: time.Now()}:
		case <-l.over:
			return
		}
		if err != nil {
			return
		}
	}
}

// deliver lets a chunk suffer the faults and passes on what is left of it. It
// reports whether the direction goes on.
func (l *link) deliver(dir Direction, c chunk, to net.Conn) bool {
	switch l.admit(dir, c.at) {
	case ended:
		return false
	case dropped:
		return c.end == nil
	case admitted:
	}
	pass, cut := l.spend(dir, len(c.data))
	if pass > 0 {
		if _, err := to.Write(c.data[:pass]); err != nil && !l.isSevered() {
			l.end(true)
			return false
		}
	}
	switch {
	case cut:
		l.end(false)
		return false
	case c.end == nil:
		return true
	case errors.Is(c.end, io.EOF):
		if half, ok := to.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // a side that is gone shows it when it is read
		}
		return false
	case l.isSevered():
		return false
	}
	l.end(true)
	return false
}

type admission int

const (
	admitted admission = iota
	dropped
	ended
)

// admit waits until a chunk that arrived at a time may go on, or is lost.
func (l *link) admit(dir Direction, at time.Time) admission {
	for {
		l.mu.Lock()
		f, altered := l.faults, l.altered
		if l.severed || f.blackhole {
			l.damaged = true
			l.mu.Unlock()
			return dropped
		}
		l.mu.Unlock()
		var due <-chan time.Time
		wait := time.Until(at.Add(f.delay[dir]))
		if !f.hold && wait <= 0 {
			return admitted
		}
		if !f.hold {
			due = time.After(wait)
		}
		select {
		case <-due:
		case <-altered:
		case <-l.over:
			return ended
		}
	}
}

// spend takes bytes from the budget before a cut.
func (l *link) spend(dir Direction, n int) (pass int, cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.faults.cut[dir]
	if left == nil {
		return n, false
	}
	if int64(n) <= *left {
		*left -= int64(n)
		return n, false
	}
	return int(*left), true
}

// suffer changes the faults.
func (l *link) suffer(change func(*faults)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.faults)
	l.announce()
}

// announce wakes those who wait for a change; l.mu is held.
func (l *link) announce() {
	close(l.altered)
	l.altered = make(chan struct{})
}

// lose closes one side and hides that from the other.
func (l *link) lose(lost Direction) {
	l.mu.Lock()
	l.severed, l.damaged = true, true
	l.announce()
	gone := l.client
	if lost == ToServer {
		gone = l.server
	}
	l.mu.Unlock()
	if gone != nil {
		gone.Close()
	}
}

func (l *link) isBlackholed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.faults.blackhole
}

func (l *link) isSevered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.severed
}

func (l *link) isDamaged() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.damaged
}

// end closes both sides, with a reset or in the ordinary way. Only the first
// call does something.
func (l *link) end(reset bool) {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	l.ended = true
	server := l.server
	l.mu.Unlock()
	l.cancel()
	for _, c := range []net.Conn{l.client, server} {
		if c == nil {
			continue
		}
		if tcp, ok := c.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0) // makes Close send a reset
		}
		c.Close()
	}
}
