package outbox_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/vantage-go/live/edit"
	"github.com/vantage-go/live/edit/outbox"
)

func open(tb testing.TB, path string, opts ...outbox.Option) *outbox.File {
	tb.Helper()
	f, err := outbox.Open(path, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = f.Close() })
	return f
}

func entry(id string) edit.OutboxEntry {
	return edit.OutboxEntry{ID: id, Data: []byte("data of " + id)}
}

func write(tb testing.TB, f *outbox.File, add []edit.OutboxEntry, remove ...string) {
	tb.Helper()
	if err := f.Write(add, remove); err != nil {
		tb.Fatal(err)
	}
}

func names(tb testing.TB, f *outbox.File) string {
	tb.Helper()
	all, err := f.Load()
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	for _, e := range all {
		b.WriteString(e.ID)
	}
	return b.String()
}

func TestOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "saves")
	f := open(t, path)
	write(t, f, []edit.OutboxEntry{entry("a"), entry("b")})
	write(t, f, []edit.OutboxEntry{entry("c")}, "a", "never there")
	write(t, f, []edit.OutboxEntry{{ID: "b", Data: []byte("new")}, entry("d")}, "d")
	if got := names(t, f); got != "bc" {
		t.Errorf("it holds %s", got)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f = open(t, path)
	all, err := f.Load()
	if err != nil || len(all) != 2 || string(all[0].Data) != "new" {
		t.Errorf("it holds %v, %v", all, err)
	}
	if n, err := f.Len(); n != 2 || err != nil {
		t.Errorf("%d saves, %v", n, err)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "saves"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := f.Load()
	for _, err := range []error{err, f.Write([]edit.OutboxEntry{entry("a")}, nil)} {
		var e *outbox.Error
		if !errors.Is(err, outbox.ErrClosed) || !errors.As(err, &e) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestInUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "saves")
	open(t, path)
	if _, err := outbox.Open(path, outbox.Wait(time.Millisecond)); !errors.Is(err, outbox.ErrInUse) {
		t.Errorf("error is %v", err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	later, other := filepath.Join(dir, "later"), filepath.Join(dir, "other")
	f := open(t, later)
	_ = f.Close()
	change := func(path string, f func(tx *bbolt.Tx) error) {
		t.Helper()
		db, err := bbolt.Open(path, 0o600, nil)
		if err == nil {
			err = errors.Join(db.Update(f), db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	change(later, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte("livesql outbox")).Put([]byte("layout"), []byte{99})
	})
	change(other, func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("something"))
		return err
	})
	for _, path := range []string{later, other} {
		if _, err := outbox.Open(path); !errors.Is(err, outbox.ErrVersion) {
			t.Errorf("%s: error is %v", filepath.Base(path), err)
		}
	}
}

// filled writes saves to the file, and returns what is in it then, and their names.
func filled(t *testing.T, path string) (content []byte, want string) {
	t.Helper()
	f := open(t, path)
	for i := range 300 {
		write(t, f, []edit.OutboxEntry{entry(fmt.Sprintf("%03d,", i))})
	}
	want = names(t, f)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content, want
}

// TestDamage cuts a file off and changes bytes of it: either it opens with all
// that was kept, or not at all, and stays as it is.
func TestDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "saves")
	good, want := filled(t, path)
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for i := range 200 {
		bad := bytes.Clone(good)
		var what string
		switch i % 3 {
		case 0:
			n := random.IntN(len(bad))
			bad, what = bad[:n], fmt.Sprintf("cut off at %d", n)
		case 1:
			at := random.IntN(len(bad)/4096) * 4096
			clear(bad[at : at+4096])
			what = fmt.Sprintf("page at %d empty", at)
		default:
			at := random.IntN(len(bad))
			bad[at] ^= 1 << random.IntN(8)
			what = fmt.Sprintf("other byte at %d", at)
		}
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := outbox.Open(path)
		if err != nil {
			refused++
			if !errors.Is(err, outbox.ErrDamaged) && !errors.Is(err, outbox.ErrVersion) {
				t.Errorf("%s: error is %v", what, err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(bad, after) {
				t.Errorf("%s: the file has changed, %v", what, err)
			}
			continue
		}
		if got := names(t, f); got != want && len(bad) > 0 {
			t.Errorf("%s: opened without complaint, and holds %d bytes of names", what, len(got))
		}
		_ = f.Close()
	}
	if refused < 50 {
		t.Errorf("only %d of 200 were refused", refused)
	}
}

// TestDamagedPages changes bits of what the file says of its own pages: which
// are free, of which bbolt believes every word when it writes, and what each is.
// A file that opens takes further saves and loses none.
func TestDamagedPages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "saves")
	const size, head = 4096, 16
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: size})
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	good, want := filled(t, path)
	number := func(at int) int { return int(binary.NativeEndian.Uint64(good[at:])) }
	// The header with the higher number of a transaction counts.
	header := head
	if number(size+head+48) > number(head+48) {
		header += size
	}
	free := number(header+32) * size
	var spots []int
	for at := range 8 * int(binary.NativeEndian.Uint16(good[free+10:])) {
		spots = append(spots, free+head+at)
	}
	for page := 2 * size; page < number(header+40)*size; page += size {
		for at := range head {
			spots = append(spots, page+at)
		}
	}
	for _, at := range spots {
		for _, bit := range []int{at % 8, (at + 3) % 8} { // each takes a file, and writes to the disk
			bad := bytes.Clone(good)
			bad[at] ^= 1 << bit
			file := filepath.Join(dir, fmt.Sprint(at, bit))
			if err := os.WriteFile(file, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := outbox.Open(file)
			if err != nil {
				refused := errors.Is(err, outbox.ErrDamaged) || errors.Is(err, outbox.ErrVersion)
				if after, rerr := os.ReadFile(file); !refused || rerr != nil || !bytes.Equal(bad, after) {
					t.Errorf("bit %d of byte %d of page %d: %v", bit, at%size, at/size, errors.Join(err, rerr))
				}
				continue
			}
			if err := again(f); err != nil || !strings.HasPrefix(names(t, f), want) {
				t.Fatalf("bit %d of byte %d of page %d: opened without complaint, %v; %d bytes of names", bit, at%size, at/size, err, len(names(t, f)))
			}
			if err := errors.Join(f.Close(), os.Remove(file)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// again writes to a file until it has used every page that it has for free, and
// removes all that it wrote.
func again(f *outbox.File) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	var all []edit.OutboxEntry
	var names []string
	for i := range 10 {
		e := edit.OutboxEntry{ID: fmt.Sprintf("new%03d,", i), Data: bytes.Repeat([]byte("x"), 3000)}
		all, names = append(all, e), append(names, e.ID)
	}
	return errors.Join(f.Write(all, nil), f.Write(nil, names))
}

// TestFull: saves for which there is no room are not accepted, and take nothing
// with them.
func TestFull(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "saves")
	f := open(t, path, outbox.MaxBytes(64<<10))
	type row struct {
		ID   int64  `db:"id,pk"`
		Text string `db:"text"`
	}
	store := &held{Store: edit.NewMemory(), through: make(chan struct{})}
	w := edit.NewWriter(store, edit.WithOutbox(f))
	table, err := edit.NewTable[row]("note")
	if err != nil {
		t.Fatal(err)
	}
	notes, err := edit.NewEditor[int64, row](w, table)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Replay(t.Context(), notes); err != nil {
		t.Fatal(err)
	}
	var saves []*edit.Pending[int64, row]
	for i := range 20 {
		e := notes.New(row{ID: int64(i + 1), Text: strings.Repeat("x", 5000)})
		defer e.Close()
		p := e.SaveAsync()
		saves = append(saves, p)
		<-p.Accepted()
		select {
		case <-p.Done():
			_, err := p.Wait(t.Context())
			if !errors.Is(err, outbox.ErrFull) || !errors.Is(err, edit.ErrOutbox) {
				t.Fatalf("error is %v", err)
			}
			if !e.IsNew() || e.V.ID == 0 {
				t.Errorf("V is %+v", e.V)
			}
			saves = saves[:len(saves)-1]
		default:
		}
	}
	if len(saves) < 2 || len(saves) > 14 {
		t.Fatalf("%d saves were accepted", len(saves))
	}
	if n, err := f.Len(); n != len(saves) || err != nil {
		t.Errorf("%d saves are kept of %d, %v", n, len(saves), err)
	}
	close(store.through)
	for _, p := range saves {
		if _, err := p.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for {
		if n, err := f.Len(); n == 0 || err != nil {
			break
		}
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("they stay")
		}
	}
	e := notes.New(row{ID: 100, Text: strings.Repeat("x", 5000)})
	defer e.Close()
	if _, err := e.Save(t.Context()); err != nil {
		t.Errorf("there is room again: %v", err)
	}
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := names(t, f); got != "" {
		t.Errorf("left are %s", got)
	}
}

// held holds batches up.
type held struct {
	edit.Store
	through chan struct{}
}

func (h *held) Apply(ctx context.Context, ops []*edit.Op) []edit.Outcome {
	select {
	case <-h.through:
	case <-ctx.Done():
		return make([]edit.Outcome, len(ops))
	}
	return h.Store.Apply(ctx, ops)
}

// TestOtherPages opens a file of a machine whose pages have another size.
func TestOtherPages(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1024, 4096, 16384, 65536} {
		path := filepath.Join(t.TempDir(), "outbox")
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := outbox.Open(path)
		if err != nil {
			t.Errorf("pages of %d: %v", size, err)
			continue
		}
		if err := f.Write([]edit.OutboxEntry{{ID: "a", Data: []byte("b")}}, nil); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if f, err = outbox.Open(path); err != nil {
			t.Errorf("pages of %d: %v", size, err)
			continue
		}
		if n, err := f.Len(); n != 1 || err != nil {
			t.Errorf("%d saves, %v", n, err)
		}
		_ = f.Close()
	}
}
