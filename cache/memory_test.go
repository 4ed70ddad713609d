//go:build unix

package cache

import (
	sqldriver "database/sql/driver"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vantage-go/live/dialects"
	"github.com/vantage-go/live/driver"
	"github.com/vantage-go/live/listen"
)

// userRow is a small row.
type userRow struct {
	id   int64
	done bool
}

// userBytes are those of the values themselves.
const userBytes = 8 + 16 + 1

func (r *userRow) Columns() []string { return []string{"id", "name", "active"} }
func (r *userRow) Close() error      { return nil }

func (r *userRow) Next(dest []sqldriver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done = true
	dest[0], dest[1], dest[2] = r.id, fmt.Sprintf("user %011d", r.id), r.id%2 == 0
	return nil
}

// begun returns an empty cache with a connection.
func begun(tb testing.TB, bytes int64) (*Cache, driver.Session) {
	tb.Helper()
	c, err := New(pinning{}, nil, Config{Lease: 24 * time.Hour, Bytes: bytes})
	if err != nil {
		tb.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	conn := c.Open()
	if err := conn.Dialed(tb.Context(), nil); err != nil {
		tb.Fatal(err)
	}
	return c, conn
}

// filled returns a cache with point reads of n rows, of as many as it has room
// for.
func filled(tb testing.TB, n int, bytes int64) *Cache {
	tb.Helper()
	c, conn := begun(tb, bytes)
	stmt := conn.Classify("SELECT id, name, active FROM t WHERE id = ?")
	for i := range n {
		_, call, err := conn.Query(tb.Context(), stmt, values(int64(i)), driver.Direct)
		if err != nil || call == nil {
			tb.Fatal("no fill", err)
		}
		if _, err := call.Rows(tb.Context(), &userRow{id: int64(i)}); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

type heap struct{ bytes, objects int64 }

func heapNow() heap {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return heap{int64(m.HeapAlloc), int64(m.HeapObjects)}
}

// collection is the processor time that a collection takes, the least of a few:
// on a busy machine, time on the clock says nothing.
func collection(tb testing.TB) time.Duration {
	tb.Helper()
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			tb.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	times := make([]time.Duration, 5)
	for i := range times {
		start := spent()
		runtime.GC()
		times[i] = spent() - start
	}
	return slices.Min(times)
}

// naive is how a cache would keep the same rows without further thought: an entry
// with its key and a slice of values.
type naive struct {
	statement *statement
	args      []sqldriver.NamedValue
	row       []sqldriver.Value
}

func naively(n int) map[uint64]*naive {
	entries := make(map[uint64]*naive)
	stmt := new(statement)
	for i := range n {
		row := make([]sqldriver.Value, 3)
		_ = (&userRow{id: int64(i)}).Next(row)
		entries[uint64(i)*0x9E3779B97F4A7C15] = &naive{stmt, values(int64(i)), row}
	}
	return entries
}

// TestMemory: what small entries take of memory, in bytes and in objects that the
// garbage collector has to look at, and that it is what Stats says. With
// LIVESQL_MEMORY=300000 it takes so many entries, as in the figures:
//
//	300000 entries: 270 bytes each, 25 of them the values; 1.04 objects
func TestMemory(t *testing.T) {
	n := 50_000
	if more, err := strconv.Atoi(os.Getenv("LIVESQL_MEMORY")); err == nil {
		n = more
	}
	start := heapNow()
	c := filled(t, n, 1<<40)
	end := heapNow()
	if got := c.Stats().Entries; got != n {
		t.Fatalf("%d entries, want %d", got, n)
	}
	bytes, objects := end.bytes-start.bytes, end.objects-start.objects
	each, eachObjects := float64(bytes)/float64(n), float64(objects)/float64(n)
	t.Logf("%d entries: %.0f bytes each, %d of them the values; %.2f objects", n, each, userBytes, eachObjects)
	if each > 400+userBytes {
		t.Errorf("an entry takes %.0f bytes, %d of them values", each, userBytes)
	}
	if eachObjects > 1.1 {
		t.Errorf("an entry takes %.2f objects", eachObjects)
	}
	if told := c.Stats().Bytes; told < bytes*95/100 || told > bytes*105/100 {
		t.Errorf("Stats says %d bytes, the heap %d", told, bytes)
	}
	if c.Flush(); heapNow().bytes-start.bytes > bytes/20 {
		t.Errorf("after a flush %d bytes are left of %d", heapNow().bytes-start.bytes, bytes)
	}
	runtime.KeepAlive(c)
}

// TestCollection: what the garbage collector has to do for small entries, held
// against the naive layout. Whatever else the machine does takes from the
// processor's caches, so one good measurement of a few counts.
func TestCollection(t *testing.T) {
	const n, tries = 100_000, 5
	idle := collection(t)
	for try := 1; ; try++ {
		entries := naively(n)
		naiveTime := collection(t) - idle
		runtime.KeepAlive(entries) // and no longer
		c := filled(t, n, 1<<40)
		took := collection(t) - idle
		runtime.KeepAlive(c)
		t.Logf("a collection takes %v, with the naive layout %v", took, naiveTime)
		switch {
		case took <= naiveTime/2:
			return
		case try == tries:
			t.Error("that is more than half")
			return
		}
	}
}

// TestMemoryBound: a cache that is full, and has been for long, takes the memory
// that it is given.
func TestMemoryBound(t *testing.T) {
	const limit = 16 << 20
	start := heapNow()
	c := filled(t, 200_000, limit)
	if got := heapNow().bytes - start.bytes; got > limit*105/100 || got < limit*85/100 {
		t.Errorf("the cache takes %d bytes of %d", got, limit)
	}
	if s := c.Stats(); s.Bytes > limit || s.EvictedBySize == 0 || s.Entries+int(s.EvictedBySize) != 200_000 {
		t.Errorf("%d bytes, %d entries, %d evicted", s.Bytes, s.Entries, s.EvictedBySize)
	}
	runtime.KeepAlive(c)
}

// TestMemoryBoundOfTexts: a program that writes its values into its statements has a
// statement for each entry, which the entry keeps in memory.
func TestMemoryBoundOfTexts(t *testing.T) {
	const limit, n = 16 << 20, 60_000
	c, conn := begun(t, limit)
	start := heapNow()
	for i := range n {
		text := fmt.Sprintf("SELECT id, name, active FROM t WHERE name <> 'another name than %d' AND active AND name <> 'nobody at all'", i)
		_, call, err := conn.Query(t.Context(), conn.Classify(text), nil, driver.Direct)
		if err != nil || call == nil {
			t.Fatal("no fill", err)
		}
		if _, err := call.Rows(t.Context(), &userRow{id: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	got := heapNow().bytes - start.bytes
	t.Logf("%d entries of %d take %d bytes, with the memo of statements", c.Stats().Entries, n, got)
	if got > limit+3*maxStatements {
		t.Errorf("the cache takes %d bytes of %d, with the memo of statements, which may take %d", got, limit, maxStatements)
	}
	runtime.KeepAlive(c)
}

// TestMemoryBoundOfRows: an entry that depends on many rows takes memory for each.
func TestMemoryBoundOfRows(t *testing.T) {
	const limit, n, keys = 8 << 20, 10_000, 64
	c, err := New(pinning{}, nil, Config{Lease: 24 * time.Hour, Bytes: limit})
	if err != nil {
		t.Fatal(err)
	}
	c.Apply(listen.Batch{Sent: time.Now(), Reset: "start"})
	conn := c.Open()
	if err := conn.Dialed(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	stmt := conn.Classify("SELECT id, name, active FROM t WHERE id IN (" + strings.Repeat("?, ", keys-1) + "?)")
	start := heapNow()
	args := make([]sqldriver.Value, keys)
	for i := range n {
		for k := range args {
			args[k] = int64(i*keys + k)
		}
		_, call, err := conn.Query(t.Context(), stmt, values(args...), driver.Direct)
		if err != nil || call == nil {
			t.Fatal("no fill", err)
		}
		if _, err := call.Rows(t.Context(), &userRow{id: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := heapNow().bytes - start.bytes; got > limit*105/100 {
		t.Errorf("the cache takes %d bytes of %d, with %d entries", got, limit, c.Stats().Entries)
	}
	runtime.KeepAlive(c)
}

// TestMemoryOfStatements: what is remembered of texts takes the memory that it may,
// also of those that name many rows.
func TestMemoryOfStatements(t *testing.T) {
	const n, keys = 12_000, 60
	key := []dialects.KeyColumn{{Name: "id", Kind: dialects.IntKey}}
	catalog := dialects.NewCatalog(1, dialects.SQLite, []dialects.Object{{Table: dialects.Table{Name: "t"}, Covered: true, Key: key}})
	c, err := New(worded{dialects.SQLite, catalog}, nil, Config{Lease: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	start := heapNow()
	for i := range n {
		text := []byte("SELECT name FROM t WHERE id IN (0")
		for k := range keys {
			text = strconv.AppendInt(append(text, ", "...), int64(i*keys+k), 10)
		}
		st := c.classify(string(append(text, ')')))
		if len(st.analysis.Pins) != 1 || len(st.analysis.Pins[0].Rows) != keys+1 {
			t.Fatal("the rows of a text are not known")
		}
	}
	if got := heapNow().bytes - start.bytes; got > 2*maxStatements {
		t.Errorf("what is remembered of texts takes %d bytes of %d", got, maxStatements)
	}
	runtime.KeepAlive(c)
}
