package mysql

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vantage-go/live/listen"
)

// swallower forwards connections. Once armed, it loses the next COMMIT and all
// that its connection sends afterwards.
type swallower struct {
	listener net.Listener
	armed    atomic.Bool
	lost     chan struct{}
	all      sync.WaitGroup
}

func newSwallower(t *testing.T, target string) *swallower {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &swallower{listener: l, lost: make(chan struct{})}
	s.all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := new(net.Dialer).DialContext(context.Background(), "tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			s.all.Go(func() { _, _ = io.Copy(client, server); _ = client.Close() })
			s.all.Go(func() { s.forward(client, server); _ = server.Close() })
		}
	})
	t.Cleanup(func() { _ = l.Close(); s.all.Wait() })
	return s
}

func (s *swallower) forward(client, server net.Conn) {
	losing := false
	for buf := make([]byte, 1<<16); ; {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if bytes.Contains(buf[:n], []byte("\x03COMMIT")) && s.armed.CompareAndSwap(true, false) {
			losing = true
			close(s.lost)
		}
		if losing {
			continue
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func TestALostCommitHoldsUpNoClose(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (id INT PRIMARY KEY)")
	s := newSwallower(t, db.Addr())
	f := follow(t, db.DSNVia(s.listener.Addr().String()), listen.InstallNever)
	s.armed.Store(true)
	mustExec(t, db.DB(), "INSERT INTO t VALUES (1)")
	f.poll()
	wait := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(patience):
			t.Fatalf("still not %s", what)
		}
	}
	wait("lost", s.lost)
	closed := make(chan struct{})
	var err error
	go func() {
		defer close(closed)
		err = f.reader.Close()
	}()
	wait("closed", closed)
	f.reader = nil
	if err != nil {
		t.Error(err)
	}
}
