package bboltstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/table/bboltstore"
	"github.com/vantage-go/live/testdb/conformstore"
)

func TestMain(m *testing.M) {
	conformstore.Main(func(place string) (table.RowStore, error) { return bboltstore.Open(place) })
	goleak.VerifyTestMain(m)
}

// place is a file.
func place(path string) *conformstore.Fixture {
	var opened []*bboltstore.Store
	leave := func() {
		for _, s := range opened {
			_ = s.Close()
		}
		opened = nil
	}
	return &conformstore.Fixture{
		Alone: true, Leave: leave,
		Open: func(tb testing.TB) table.RowStore {
			tb.Helper()
			leave()
			s, err := bboltstore.Open(path, bboltstore.LockTimeout(10*time.Second))
			if err != nil {
				tb.Fatal(err)
			}
			opened = append(opened, s)
			tb.Cleanup(leave)
			return s
		},
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	conformstore.Run(t, func(tb testing.TB) *conformstore.Fixture {
		tb.Helper()
		return place(filepath.Join(tb.TempDir(), "rows"))
	})
}

func TestCrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows")
	conformstore.Crash(t, path, 8, place(path))
}

// TestBusy: a second process is refused, with the name of the file.
func TestBusy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "rows")
	first, err := bboltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := bboltstore.Open(path, bboltstore.LockTimeout(10*time.Millisecond)); !errors.Is(err, bboltstore.ErrBusy) {
		t.Errorf("%v, %v", second, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := bboltstore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestStranger: a file that is damaged, of another version, or of somebody else is
// refused, and stays as it is.
func TestStranger(t *testing.T) {
	t.Parallel()
	bucket := func(name, key, value string) func(path string) {
		return func(path string) {
			db, err := bbolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			err = db.Update(func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucket([]byte(name))
				if err != nil {
					return err
				}
				return b.Put([]byte(key), []byte(value))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, made := range map[string]struct {
		make  func(path string)
		typed bool
	}{
		"version":       {bucket("livesql", "version", "99"), true},
		"somebody else": {bucket("accounts", "a", "b"), true},
		"no database":   {func(path string) { _ = os.WriteFile(path, make([]byte, 1<<16), 0o600) }, false},
	} {
		path := filepath.Join(t.TempDir(), "rows")
		made.make(path)
		before, _ := os.ReadFile(path)
		s, err := bboltstore.Open(path)
		var version *bboltstore.VersionError
		if err == nil || made.typed != errors.As(err, &version) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) && !made.typed {
			t.Errorf("%s: the file was changed", name)
		}
	}
}
