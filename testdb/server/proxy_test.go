//go:build unix

package server_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vantage-go/live/testdb/server"
)

// quiet is how long a test waits for something that must not come.
const quiet = 150 * time.Millisecond

// echo is a server that sends back what it gets, and the ends of its connections.
type echo struct {
	addr string
	ends chan error // how each connection ended: nil for an ordinary end
}

func newEcho(t *testing.T) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{addr: l.Addr().String(), ends: make(chan error, 100)}
	var mu sync.Mutex // guards conns
	var conns []net.Conn
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			work.Go(func() {
				_, err := io.Copy(c, c)
				e.ends <- err
				c.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			c.Close()
		}
	})
	t.Cleanup(func() { go work.Wait() })
	return e
}

// connect dials through the proxy and proves the way with one echo.
func connect(t *testing.T, p *server.Proxy) *net.TCPConn {
	t.Helper()
	c := dial(t, p)
	send(t, c, "hello")
	receive(t, c, "hello")
	return c
}

func dial(t *testing.T, p *server.Proxy) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", p.Addr(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := c.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn, want string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("received %q (error %v), want %q", got[:n], err, want)
	}
}

// receiveNothing fails if a byte or an end arrives.
func receiveNothing(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(quiet))
	n, err := c.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("received %d bytes, error %v, want nothing at all", n, err)
	}
}

// receiveEnd reads up to the end of the connection.
func receiveEnd(t *testing.T, c net.Conn) ([]byte, error) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	got, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("the connection does not end")
	}
	return got, err
}

func (e *echo) waitEnd(t *testing.T) error {
	t.Helper()
	select {
	case err := <-e.ends:
		return err
	case <-time.After(patience):
		t.Fatal("the server's connection does not end")
		return nil
	}
}

func (e *echo) noEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-e.ends:
		t.Fatalf("the server's connection ended: %v", err)
	case <-time.After(quiet):
	}
}

func TestProxyIsTransparent(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		_, _ = c.Write(big)
		_ = c.CloseWrite()
	}()
	got, err := receiveEnd(t, c)
	if err != nil || !bytes.Equal(got, big) {
		t.Errorf("%d bytes came back (error %v), sent %d", len(got), err, len(big))
	}
	if err := e.waitEnd(t); err != nil {
		t.Errorf("the server's connection ended with %v", err)
	}
	if err := p.WaitOpen(patiently(t), 0); err != nil {
		t.Error(err)
	}
	if n := p.Accepted(); n != 1 {
		t.Errorf("%d connections accepted", n)
	}
}

func TestProxyDelays(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	const delay = 120 * time.Millisecond
	trip := func() time.Duration {
		t.Helper()
		begin := time.Now()
		send(t, c, "ping")
		receive(t, c, "ping")
		return time.Since(begin)
	}
	p.Delay(server.ToServer, delay)
	if d := trip(); d < delay {
		t.Errorf("one way delayed: %v", d)
	}
	p.Delay(server.ToClient, delay)
	if d := trip(); d < 2*delay {
		t.Errorf("both ways delayed: %v", d)
	}
	// Many messages one after another are not delayed one after another. On a busy
	// machine it may take more than one attempt to see that.
	for attempt := 1; ; attempt++ {
		begin := time.Now()
		for range 20 {
			send(t, c, "ping")
			time.Sleep(time.Millisecond) // so that they are sent apart
		}
		receive(t, c, string(bytes.Repeat([]byte("ping"), 20)))
		d := time.Since(begin)
		if d < 2*delay {
			t.Errorf("20 messages took %v", d)
		}
		if d <= 10*delay {
			break
		}
		if attempt == 10 {
			t.Fatalf("20 messages took %v", d)
		}
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if d := trip(); d >= delay {
		t.Errorf("a trip after Heal took %v", d)
	}
}

func TestProxyHolds(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	p.Hold()
	send(t, c, "late")
	receiveNothing(t, c)
	fresh := dial(t, p)
	send(t, fresh, "too")
	receiveNothing(t, fresh)
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	receive(t, c, "late")
	receive(t, fresh, "too")

	p.Hold()
	c.Close()
	e.noEnd(t)
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if err := e.waitEnd(t); err != nil {
		t.Errorf("the server's connection ended with %v", err)
	}
}

func TestProxyBlackholes(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	p.Blackhole()
	send(t, c, "lost")
	receiveNothing(t, c)
	fresh := dial(t, p)
	send(t, fresh, "lost")
	receiveNothing(t, fresh)
	// More than any buffer holds is taken.
	c.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.Write(make([]byte, 32<<20)); err != nil {
		t.Errorf("the blackhole does not take everything: %v", err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	e.noEnd(t)
	receiveNothing(t, c)
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]net.Conn{"the old": c, "the new": fresh} {
		if got, err := receiveEnd(t, c); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s connection after Heal: %q, %v, want a reset", name, got, err)
		}
	}
	connect(t, p)
}

func TestProxyCutsAfterBytes(t *testing.T) {
	for _, dir := range []server.Direction{server.ToServer, server.ToClient} {
		t.Run(dir.String(), func(t *testing.T) {
			e := newEcho(t)
			p := server.NewProxy(t, e.addr)
			old := connect(t, p)
			p.CutAfter(dir, 7)
			for _, c := range []*net.TCPConn{old, dial(t, p)} {
				send(t, c, "1234")
				receive(t, c, "1234")
				send(t, c, "567")
				receive(t, c, "567")
				receiveNothing(t, c)
				send(t, c, "8")
				if got, _ := receiveEnd(t, c); len(got) > 0 {
					t.Errorf("%q came after the cut", got)
				}
				e.waitEnd(t)
			}
			if err := p.Heal(); err != nil {
				t.Fatal(err)
			}
			c := connect(t, p)
			send(t, c, "12345678")
			receive(t, c, "12345678")
		})
	}
}

func TestProxyCutsWithinAWrite(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	p.CutAfter(server.ToClient, 3)
	send(t, c, "12345")
	if got, _ := receiveEnd(t, c); string(got) != "123" {
		t.Errorf("received %q, want 3 bytes", got)
	}
}

func TestProxyLeavesPeersAlone(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)

	c := connect(t, p)
	p.HalfOpen(server.ToServer)
	if err := e.waitEnd(t); err != nil {
		t.Errorf("the server's connection ended with %v", err)
	}
	receiveNothing(t, c)
	send(t, c, "into the void")
	receiveNothing(t, c)
	c.Close()
	if err := p.WaitOpen(patiently(t), 0); err != nil {
		t.Error(err)
	}

	c = connect(t, p)
	p.HalfOpen(server.ToClient)
	if got, err := receiveEnd(t, c); len(got) > 0 || err != nil {
		t.Errorf("the client's side: %q, %v", got, err)
	}
	e.noEnd(t)
	connect(t, p) // new ones work
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if err := e.waitEnd(t); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server's connection ended with %v after Heal, want a reset", err)
	}
}

func TestProxyRefuses(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	addr := p.Addr()
	if err := p.Refuse(); err != nil {
		t.Fatal(err)
	}
	if _, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial: %v, want refused", err)
	}
	send(t, c, "still there")
	receive(t, c, "still there")
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if p.Addr() != addr {
		t.Errorf("the address changed from %s to %s", addr, p.Addr())
	}
	connect(t, p)
}

func TestProxyResets(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	p.Reset()
	if got, err := receiveEnd(t, c); len(got) > 0 || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the client: %q, %v, want a reset", got, err)
	}
	if err := e.waitEnd(t); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server: %v, want a reset", err)
	}
	connect(t, p)
}

func TestProxyPassesOnEndsAndFailures(t *testing.T) {
	e := newEcho(t)
	p := server.NewProxy(t, e.addr)
	c := connect(t, p)
	if err := c.SetLinger(0); err != nil { // Close sends a reset
		t.Fatal(err)
	}
	c.Close()
	if err := e.waitEnd(t); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server: %v, want the client's reset", err)
	}

	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	p = server.NewProxy(t, nobody.Addr().String())
	orphan, err := net.Dial("tcp", p.Addr())
	if err == nil { // or the reset was there before the dial was over
		defer orphan.Close()
		_, err = receiveEnd(t, orphan)
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("with no server: %v, want a reset", err)
	}
}

func TestProxyBetweenClientAndPostgres(t *testing.T) {
	ctx := patiently(t)
	d := server.Postgres(t)
	direct := d.DB()
	mustExec(t, direct, "CREATE TABLE t (id int)")
	p := server.NewProxy(t, d.Addr())
	db, err := sql.Open("postgres", d.DSNVia(p.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(1)
	mustExec(t, db, "INSERT INTO t VALUES (1)")

	// The answer to a COMMIT is lost: an error for the client, done for the server.
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	p.CutAfter(server.ToClient, 0)
	if err := tx.Commit(); err == nil {
		t.Error("Commit succeeded without an answer")
	}
	if n := count(t, direct, "SELECT count(*) FROM t"); n != 2 {
		t.Errorf("%d rows, want the one whose COMMIT was not answered too", n)
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}

	// The request is lost on its way: the server rolls back.
	tx, err = db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES (3)"); err != nil {
		t.Fatal(err)
	}
	p.CutAfter(server.ToServer, 0)
	if err := tx.Commit(); err == nil {
		t.Error("Commit succeeded without a server")
	}
	if n := count(t, direct, "SELECT count(*) FROM t"); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}

	// A client that vanished keeps its lock, until the server hears of it.
	tx, err = db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(ctx, "LOCK TABLE t"); err != nil {
		t.Fatal(err)
	}
	p.HalfOpen(server.ToClient)
	_ = tx.Rollback() // reaches nobody
	short, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	if _, err := direct.ExecContext(short, "INSERT INTO t VALUES (4)"); err == nil {
		t.Error("the lock of a client that vanished is gone")
	}
	p.Reset()
	mustExec(t, direct, "INSERT INTO t VALUES (4)")

	// A query against a blackhole ends by its own deadline (with pgx; lib/pq waits
	// for the server's answer even then).
	pgx, err := sql.Open("pgx", d.DSNVia(p.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer pgx.Close()
	if err := pgx.PingContext(ctx); err != nil {
		t.Fatal(err)
	}
	p.Blackhole()
	short, cancel = context.WithTimeout(ctx, quiet)
	defer cancel()
	if _, err := pgx.ExecContext(short, "SELECT 1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a query against a blackhole: %v", err)
	}
	if err := p.Heal(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "SELECT count(*) FROM t"); n != 3 {
		t.Errorf("%d rows through the healed proxy, want 3", n)
	}
}
