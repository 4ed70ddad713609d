//go:build unix

package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var findRedis = finder{
	engine:   "Redis",
	pkg:      "redis-server",
	env:      "LIVESQL_REDIS_BIN",
	programs: [][]string{{"redis-server", "valkey-server"}},
	globs:    []string{"/usr/local/bin", "/opt/homebrew/bin"},
}

// redisDatabases is how many tests can have a Redis database at the same time.
const redisDatabases = 1024

// RedisDB is one of the numbered databases of a Redis server, for one test.
type RedisDB struct {
	addr   string
	number int
}

// Addr is the server's TCP address.
func (r *RedisDB) Addr() string { return r.addr }

// Number is the number of the database, the argument of SELECT.
func (r *RedisDB) Number() int { return r.number }

// URL is the address in the form that Redis clients take.
func (r *RedisDB) URL() string { return fmt.Sprintf("redis://%s/%d", r.addr, r.number) }

// Redis returns an empty database on the Redis server that the test binary
// shares; it is flushed when the test ends. The first call starts the server,
// which writes nothing to disk. Channels of PUBLISH are not divided by database.
func Redis(tb testing.TB) *RedisDB {
	tb.Helper()
	i, err := sharedRedis.get(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	n, err := sharedRedis.take()
	if err != nil {
		tb.Fatal(err)
	}
	r := &RedisDB{addr: i.addr(), number: n}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := redisDo(ctx, "tcp", r.addr, []string{"SELECT", strconv.Itoa(n)}, []string{"FLUSHDB"}); err != nil {
			tb.Error(err) // the database is not handed out again
			return
		}
		sharedRedis.giveBack(n)
	})
	return r
}

var sharedRedis redisPool

// redisPool is the shared server with the numbers of its databases.
type redisPool struct {
	once sync.Once
	i    *instance
	err  error

	mu   sync.Mutex // guards the numbers
	used int
	free []int
}

func (p *redisPool) get(ctx context.Context) (*instance, error) {
	p.once.Do(func() {
		ctx := context.WithoutCancel(ctx)
		paths, err := findRedis.find("")
		if err != nil {
			p.err = err
			return
		}
		if p.i, p.err = newInstance(ctx, "redis", redis{path: paths[0]}, nil); p.err != nil {
			return
		}
		if p.err = p.i.start(ctx); p.err != nil {
			_ = p.i.sup.close() // the first error is the one that tells
		}
	})
	return p.i, p.err
}

func (p *redisPool) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		number := p.free[n-1]
		p.free = p.free[:n-1]
		return number, nil
	}
	if p.used == redisDatabases {
		return 0, fmt.Errorf("server: all %d Redis databases are in use", redisDatabases)
	}
	p.used++
	return p.used - 1, nil
}

func (p *redisPool) giveBack(number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, number)
}

type redis struct{ path string }

const redisSocket = "socket"

func (r redis) command(i *instance) (command, error) {
	return command{Argv: []string{
		r.path, "--bind", "127.0.0.1", "--port", strconv.Itoa(i.tcpPort()), "--dir", i.dir,
		"--unixsocket", filepath.Join(i.dir, redisSocket),
		"--databases", strconv.Itoa(redisDatabases), "--save", "", "--appendonly", "no", "--daemonize", "no",
	}}, nil
}

func (r redis) ping(ctx context.Context, i *instance) error {
	return redisDo(ctx, "unix", filepath.Join(i.dir, redisSocket), []string{"PING"})
}

func (r redis) stopSignal() syscall.Signal { return syscall.SIGTERM }

// redisDo sends commands that are answered by one line each.
func redisDo(ctx context.Context, network, addr string, commands ...[]string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return fmt.Errorf("server: redis: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	replies := bufio.NewReader(conn)
	for _, c := range commands {
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(c))
		for _, word := range c {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
		}
		if _, err := conn.Write([]byte(b.String())); err != nil {
			return fmt.Errorf("server: redis: %s: %w", c[0], err)
		}
		line, err := replies.ReadString('\n')
		if err != nil {
			return fmt.Errorf("server: redis: %s: %w", c[0], err)
		}
		if !strings.HasPrefix(line, "+") {
			return fmt.Errorf("server: redis: %s: %s", c[0], strings.TrimSpace(line))
		}
	}
	return nil
}
