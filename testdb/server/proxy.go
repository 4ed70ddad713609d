//go:build unix

package server

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"
)

// Direction is one of the two streams of a connection through a [Proxy].
type Direction int

// The directions.
const (
	ToServer Direction = iota
	ToClient
)

func (d Direction) String() string {
	if d == ToServer {
		return "to server"
	}
	return "to client"
}

// Proxy forwards TCP connections to a server and breaks them when told to. Until
// then it is transparent. Faults apply to the connections that exist and, if not
// said otherwise, to later ones; they add up until [Proxy.Heal].
//
// It is our own, rather than github.com/Shopify/toxiproxy, for two reasons: in
// toxiproxy the end of one side always reaches the other, so that a peer that
// vanished (HalfOpen, Blackhole) cannot be shown; and its modules would end up in
// the go.sum of every user of livesql.
//
// All methods may be called from any goroutine.
type Proxy struct {
	port   int
	target string

	mu       sync.Mutex // guards the rest
	listener net.Listener
	links    map[*link]struct{}
	changed  chan struct{} // closed and replaced when links or accepted change
	accepted int
	closed   bool
	faults   faults

	work sync.WaitGroup // all goroutines
}

// faults is what a connection suffers.
type faults struct {
	delay     [2]time.Duration // by Direction
	cut       [2]*int64        // bytes that may still pass; nil for no limit
	hold      bool
	blackhole bool
}

// NewProxy starts a proxy in front of a TCP address; it ends with the test.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p := &Proxy{target: target, links: map[*link]struct{}{}, changed: make(chan struct{})}
	for tries := 0; ; tries++ {
		port, err := freePort(tb.Context())
		if err != nil {
			tb.Fatal(err)
		}
		p.port = port
		if err = p.listen(); err == nil {
			break
		}
		if tries == 20 {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(p.close)
	return p
}

// Addr is the address to connect to. It does not change.
func (p *Proxy) Addr() string { return loopback(p.port) }

// Accepted is the number of connections accepted so far.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open is the number of connections that have not ended.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// WaitOpen returns when the number of connections that have not ended is n, or
// with the context's error.
func (p *Proxy) WaitOpen(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		open, changed := len(p.links), p.changed
		p.mu.Unlock()
		if open == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("server: proxy: wait for %d open connections, have %d: %w", n, open, ctx.Err())
		}
	}
}

// Delay lets every byte of a direction arrive later. It delays, it does not
// throttle: what was sent together arrives together.
func (p *Proxy) Delay(dir Direction, d time.Duration) {
	p.alter(func(f *faults) { f.delay[dir] = d })
}

// Hold stops the flow in both directions and loses nothing, like a network that
// comes back before TCP gives up: after Heal everything arrives, ends of streams
// too. Nobody waits while new connections are accepted.
func (p *Proxy) Hold() {
	p.alter(func(f *faults) { f.hold = true })
}

// Blackhole takes everything that either side sends, including the ends of
// streams, and passes on nothing. New connections are accepted and lead nowhere.
func (p *Proxy) Blackhole() {
	p.alter(func(f *faults) { f.blackhole = true })
}

// CutAfter lets n more bytes of a direction pass on each connection and closes
// both of its sides at the next one, which is lost. With n = 0 and ToClient the
// server executes a request whose answer is never seen. A later connection has n
// bytes of its own.
func (p *Proxy) CutAfter(dir Direction, n int64) {
	p.alter(func(f *faults) {
		left := n
		f.cut[dir] = &left
	})
}

// HalfOpen lets the existing connections lose one of their peers without a word
// to the other one: HalfOpen(ToServer) closes the side of the server, and the
// client has a connection on which what it sends is taken and nothing ever comes,
// not even an end. HalfOpen(ToClient) is the opposite: the client is gone, and
// the server does not know. Later connections work.
func (p *Proxy) HalfOpen(lost Direction) {
	for _, l := range p.all() {
		l.lose(lost)
	}
}

// Refuse closes the listening port: new connections are refused. Existing ones
// go on.
func (p *Proxy) Refuse() error {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()
	if l == nil {
		return nil
	}
	return l.Close()
}

// Reset ends all existing connections at once; both sides get a reset (RST).
// Later connections work.
func (p *Proxy) Reset() {
	for _, l := range p.all() {
		l.end(true)
	}
}

// Heal ends all faults. A connection that has lost bytes or a side cannot go on
// and is reset, the others flow again.
func (p *Proxy) Heal() error {
	p.alter(func(f *faults) { *f = faults{} })
	for _, l := range p.all() {
		if l.isDamaged() {
			l.end(true)
		}
	}
	p.mu.Lock()
	listening := p.listener != nil
	p.mu.Unlock()
	if listening {
		return nil
	}
	return p.listen()
}

// listen opens the port and accepts on it.
func (p *Proxy) listen() error {
	l, err := listenLoopback(context.Background(), p.port)
	if err != nil {
		return fmt.Errorf("server: proxy: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.listener != nil {
		return l.Close()
	}
	p.listener = l
	p.work.Go(func() { p.accept(l) })
	return nil
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return // closed by Refuse or close
		}
		p.add(c)
	}
}

// add makes a link of an accepted connection.
func (p *Proxy) add(client net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		client.Close()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &link{
		client:  client,
		over:    ctx.Done(),
		cancel:  cancel,
		faults:  p.faults.fresh(),
		altered: make(chan struct{}),
	}
	p.accepted++
	p.links[l] = struct{}{}
	p.announce()
	p.work.Go(func() {
		l.run(ctx, p.target)
		p.remove(l)
	})
}

// fresh is a copy whose counters are not shared.
func (f faults) fresh() faults {
	for dir, n := range f.cut {
		if n != nil {
			left := *n
			f.cut[dir] = &left
		}
	}
	return f
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
	p.announce()
}

// announce wakes those who wait for a change of the links; p.mu is held.
func (p *Proxy) announce() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// alter changes the faults of the proxy, which later links start with, and those
// of each link.
func (p *Proxy) alter(change func(*faults)) {
	p.mu.Lock()
	change(&p.faults)
	links := p.allLocked()
	p.mu.Unlock()
	for _, l := range links {
		l.suffer(change)
	}
}

func (p *Proxy) all() []*link {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.allLocked()
}

func (p *Proxy) allLocked() []*link {
	links := make([]*link, 0, len(p.links))
	for l := range p.links {
		links = append(links, l)
	}
	return links
}

// close ends everything and returns when no goroutine is left.
func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	listener := p.listener
	p.listener = nil
	p.mu.Unlock()
	if listener != nil {
		listener.Close()
	}
	for _, l := range p.all() {
		l.end(false)
	}
	p.work.Wait()
}
