package bboltstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"github.com/vantage-go/live/table"
)

// ErrBusy is found in the error of Open for a file that another process has
// open.
var ErrBusy = errors.New("bboltstore: another process has the file open")

// VersionError is returned by Open for a file with a layout that this package
// does not know. Delete the file to start afresh.
type VersionError struct{ Path, Version string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("bboltstore: %s has layout %q, this program knows %s", e.Path, e.Version, version)
}

// version is that of the layout:
//
//	"livesql"      "version": version
//	"set " + name  "current": the name of the bucket with the rows, "mark"
//	               "0" or "1": buckets with rows by key
const version = "1"

// The names of buckets and keys. A set's own bucket begins with setPrefix.
var (
	headBucket = []byte("livesql")
	versionKey = []byte("version")
	setPrefix  = "set "
	currentKey = []byte("current")
	markKey    = []byte("mark")
)

// batch is how many rows of a replacement are written in one transaction.
const batch = 5000

// Store is a [table.RowStore] in a file.
type Store struct {
	db *bbolt.DB

	// writerMu guards writers: which shelf of a name writes. Others of this
	// process may not.
	writerMu sync.Mutex
	writers  map[string]*shelf
}

var _ table.RowStore = (*Store)(nil)

// Option configures a store.
type Option func(*bbolt.Options)

// LockTimeout sets how long Open waits for a process that has the file open. A
// second when it is not given.
func LockTimeout(d time.Duration) Option { return func(o *bbolt.Options) { o.Timeout = d } }

// Open opens a file, and creates it if there is none. The store must be closed,
// after the tables that use it. The error wraps [ErrBusy] while another process
// has the file open.
func Open(path string, opts ...Option) (_ *Store, err error) {
	// The set of free pages needs not be on disk: bbolt makes it anew.
	o := bbolt.Options{Timeout: time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType}
	for _, opt := range opts {
		opt(&o)
	}
	db, err := bbolt.Open(path, 0o600, &o)
	switch {
	case errors.Is(err, bbolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %s", ErrBusy, path)
	case err != nil:
		return nil, fmt.Errorf("bboltstore: opening %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		if head := tx.Bucket(headBucket); head != nil {
			if v := string(head.Get(versionKey)); v != version {
				return &VersionError{path, v}
			}
			return nil
		}
		if k, _ := tx.Cursor().First(); k != nil {
			return &VersionError{path, ""} // somebody else's
		}
		head, err := tx.CreateBucket(headBucket)
		if err != nil {
			return err
		}
		return head.Put(versionKey, []byte(version))
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bboltstore: opening %s: %w", path, err), db.Close())
	}
	return &Store{db: db, writers: map[string]*shelf{}}, nil
}

// Close closes the file.
func (s *Store) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("bboltstore: closing: %w", err)
	}
	return nil
}

// Open returns what is kept under a name.
func (s *Store) Open(_ context.Context, name string) (table.Shelf, error) {
	return &shelf{s, s.db, []byte(setPrefix + name)}, nil
}

// shelf is one set of rows.
type shelf struct {
	store *Store
	db    *bbolt.DB
	name  []byte
}

// writes makes s the one that writes, unless another one does.
func (s *shelf) writes() error {
	s.store.writerMu.Lock()
	defer s.store.writerMu.Unlock()
	if w := s.store.writers[string(s.name)]; w != nil && w != s {
		return table.ErrTaken
	}
	s.store.writers[string(s.name)] = s
	return nil
}

// current returns the bucket with the rows, nil if nothing is kept.
func (s *shelf) current(tx *bbolt.Tx) (set, rows *bbolt.Bucket) {
	if set = tx.Bucket(s.name); set == nil {
		return nil, nil
	}
	if name := set.Get(currentKey); name != nil {
		rows = set.Bucket(name)
	}
	return set, rows
}

// Load reads all rows in one transaction.
func (s *shelf) Load(ctx context.Context, yield func(key, row []byte) error) (mark []byte, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		set, rows := s.current(tx)
		if rows == nil {
			return nil
		}
		mark = bytes.Clone(set.Get(markKey))
		return rows.ForEach(func(k, v []byte) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return yield(k[1:], v)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("bboltstore: reading: %w", err)
	}
	return mark, nil
}

// stored is a key as bbolt has it, to which an empty one is none.
func stored(key []byte) []byte { return append([]byte{'k'}, key...) }

// Replace writes the rows into the other bucket, which the last transaction
// makes the current one.
func (s *shelf) Replace(ctx context.Context, mark []byte, rows iter.Seq2[table.StoredRow, error]) error {
	if err := s.writes(); err != nil {
		return err
	}
	var next []byte
	err := s.db.Update(func(tx *bbolt.Tx) error {
		set, err := tx.CreateBucketIfNotExists(s.name)
		if err != nil {
			return err
		}
		next = []byte("0")
		if bytes.Equal(set.Get(currentKey), next) {
			next = []byte("1")
		}
		return s.empty(set, next) // what an earlier attempt has left
	})
	if err != nil {
		return fmt.Errorf("bboltstore: writing: %w", err)
	}
	pending := make([]table.StoredRow, 0, batch)
	flush := func(last bool) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.db.Update(func(tx *bbolt.Tx) error {
			set := tx.Bucket(s.name)
			if err := put(set.Bucket(next), pending); err != nil || !last {
				return err
			}
			old := bytes.Clone(set.Get(currentKey))
			if err := set.Put(currentKey, next); err != nil {
				return err
			}
			if err := set.Put(markKey, mark); err != nil {
				return err
			}
			if old == nil {
				return nil
			}
			return set.DeleteBucket(old)
		})
	}
	for r, err := range rows {
		if err == nil {
			if pending = append(pending, r); len(pending) < batch {
				continue
			}
			err = flush(false)
			pending = pending[:0]
		}
		if err != nil {
			return fmt.Errorf("bboltstore: writing: %w", err)
		}
	}
	if err := flush(true); err != nil {
		return fmt.Errorf("bboltstore: writing: %w", err)
	}
	return nil
}

// empty makes an empty bucket.
func (s *shelf) empty(set *bbolt.Bucket, name []byte) error {
	if err := set.DeleteBucket(name); err != nil && !errors.Is(err, bbolterrors.ErrBucketNotFound) {
		return err
	}
	_, err := set.CreateBucket(name)
	return err
}

func put(rows *bbolt.Bucket, changed []table.StoredRow) error {
	for _, r := range changed {
		var err error
		if r.Row == nil {
			err = rows.Delete(stored(r.Key))
		} else {
			err = rows.Put(stored(r.Key), r.Row)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Update is one transaction.
func (s *shelf) Update(_ context.Context, mark []byte, changed []table.StoredRow) error {
	if err := s.writes(); err != nil {
		return err
	}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		set, rows := s.current(tx)
		if rows == nil {
			return table.ErrTaken // nothing is kept: Replace comes first
		}
		if err := put(rows, changed); err != nil {
			return err
		}
		return set.Put(markKey, mark)
	})
	if err != nil {
		return fmt.Errorf("bboltstore: writing: %w", err)
	}
	return nil
}

// Close lets others write.
func (s *shelf) Close() error {
	s.store.writerMu.Lock()
	defer s.store.writerMu.Unlock()
	if s.store.writers[string(s.name)] == s {
		delete(s.store.writers, string(s.name))
	}
	return nil
}
