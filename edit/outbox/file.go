package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/vantage-go/live/edit"
)

// The errors of an outbox, for errors.Is.
var (
	// ErrInUse: another process has the file open.
	ErrInUse = errors.New("outbox: file in use")
	// ErrVersion: the file was written by another version of this package, or is
	// no outbox.
	ErrVersion = errors.New("outbox: file of another version")
	// ErrDamaged: the file is cut off, or holds what was not written to it. It is
	// left as it is.
	ErrDamaged = errors.New("outbox: file damaged")
	// ErrFull: there is no room for more saves.
	ErrFull = errors.New("outbox: no room")
	// ErrClosed: the outbox is closed.
	ErrClosed = errors.New("outbox: closed")
)

// Error tells what could not be done with a file. It wraps one of the errors
// above where one applies, and what the system said.
type Error struct {
	Op   string // "open", "write" or "load"
	Path string
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("outbox: %s %s: %v", e.Op, e.Path, e.Err) }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// layout is the version of what is in the file.
const layout = 1

var (
	metaBucket  = []byte("livesql outbox")
	savesBucket = []byte("saves") // by number
	idsBucket   = []byte("ids")   // numbers by name
	layoutKey   = []byte("layout")
)

// File is an outbox in a file. It may be used concurrently.
type File struct {
	path  string
	db    *bbolt.DB
	bytes int // 0: as many as there is room for

	heldMu sync.Mutex
	held   int // bytes of all saves
}

// Option configures a file.
type Option func(*options)

type options struct {
	bbolt.Options
	bytes   int
	salvage bool
}

// MaxBytes bounds the bytes of all saves that are kept; [ErrFull] beyond it. The
// default is what the disk has.
func MaxBytes(n int) Option { return func(o *options) { o.bytes = n } }

// Wait sets how long Open waits for another process to close the file. The
// default is one second.
func Wait(d time.Duration) Option { return func(o *options) { o.Timeout = d } }

// Salvage opens a file, too, of which one of the two headers is damaged. That
// is what power that fails in the middle of a write leaves at worst, and then
// the other header is right; but when the newer one was damaged later, the last
// write is lost by it.
func Salvage() Option { return func(o *options) { o.salvage = true } }

// Open opens an outbox, which is made if there is none. Only one process can
// have it open.
func Open(path string, opts ...Option) (*File, error) {
	f, err := open(path, opts)
	if err != nil {
		return nil, &Error{"open", path, err}
	}
	return f, nil
}

func open(path string, opts []Option) (_ *File, err error) {
	o := options{Options: *bbolt.DefaultOptions}
	o.Timeout = time.Second
	for _, opt := range opts {
		opt(&o)
	}
	if err := whole(path, o.salvage); err != nil {
		return nil, err
	}
	var db *bbolt.DB
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil { // bbolt trusts what it reads
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
		if err != nil && db != nil {
			_ = db.Close() // err tells more
		}
	}()
	db, err = bbolt.Open(path, 0o600, &o.Options)
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("%w: %w", ErrInUse, err)
	case errors.Is(err, bolterrors.ErrVersionMismatch):
		return nil, fmt.Errorf("%w: %w", ErrVersion, err)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum):
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	case err != nil:
		return nil, full(err)
	}
	f := &File{path: path, db: db, bytes: o.bytes}
	fresh := false
	err = db.View(func(tx *bbolt.Tx) error {
		name, _ := tx.Cursor().First()
		fresh = name == nil
		return nil
	})
	switch {
	case err != nil:
	case fresh:
		err = full(db.Update(prepare))
	default:
		err = f.check()
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// check looks at all that was kept. A bbolt that reads a damaged file may read
// anywhere.
func (f *File) check() error {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return f.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(metaBucket)
		if meta == nil {
			return fmt.Errorf("%w: it holds something else", ErrVersion)
		}
		if v := meta.Get(layoutKey); len(v) != 1 || v[0] != layout {
			return fmt.Errorf("%w: layout %v, this is %d", ErrVersion, v, layout)
		}
		saves, ids, n := tx.Bucket(savesBucket), tx.Bucket(idsBucket), 0
		if saves == nil || ids == nil {
			return fmt.Errorf("%w: parts are missing", ErrDamaged)
		}
		err := ids.ForEach(func(id, number []byte) error {
			n++
			if !bytes.Equal(ids.Get(id), number) {
				return fmt.Errorf("%w: a name leads to no save", ErrDamaged)
			}
			e, err := unpack(saves.Get(number))
			if err == nil && e.ID != string(id) {
				err = fmt.Errorf("%w: a save has another name", ErrDamaged)
			}
			return err
		})
		if err == nil {
			err = saves.ForEach(func(_, v []byte) error {
				n--
				f.held += len(v)
				_, err := unpack(v)
				return err
			})
		}
		if err == nil && n != 0 {
			err = fmt.Errorf("%w: saves without names", ErrDamaged)
		}
		if err == nil {
			err = f.checkPages(tx)
		}
		return err
	})
}

// checkPages looks at what the file says of its pages. A bbolt that writes
// believes that: it would take a page for free that holds saves, or panic.
func (f *File) checkPages(tx *bbolt.Tx) error {
	free, more := 0, 0 // more pages of the one before
	for id, last := 0, false; !last; id++ {
		page, err := tx.Page(id)
		if err != nil {
			return err
		}
		last = page == nil
		isFree := !last && page.Type == "free"
		switch {
		case isFree && id < 2, more > 0 && (isFree || last), last && free != f.db.Stats().FreePageN:
			// A header; a part of another; or the list has one twice, or one
			// that is not there.
			return fmt.Errorf("%w: the pages that are free, at %d", ErrDamaged, id)
		case isFree:
			free++
		case more > 0:
			more--
		case !last && id >= 2:
			more = page.OverflowCount
		}
	}
	// In a goroutine of bbolt's, where a fault would end the process: it reads
	// no more than what was read above.
	var err error
	for e := range tx.Check(bbolt.WithKVStringer(untold{})) {
		if err == nil {
			err = fmt.Errorf("%w: %w", ErrDamaged, e)
		}
	}
	return err
}

// untold tells nothing of what is in a file: its lengths may be damaged.
type untold struct{}

func (untold) KeyToString([]byte) string   { return "" }
func (untold) ValueToString([]byte) string { return "" }

// prepare fills a new file.
func prepare(tx *bbolt.Tx) error {
	meta, err := tx.CreateBucket(metaBucket)
	if err != nil {
		return err
	}
	if err := meta.Put(layoutKey, []byte{layout}); err != nil {
		return err
	}
	for _, name := range [][]byte{savesBucket, idsBucket} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

// Write implements [edit.Outbox].
func (f *File) Write(add []edit.OutboxEntry, remove []string) error {
	f.heldMu.Lock()
	defer f.heldMu.Unlock()
	held := f.held
	err := f.db.Update(func(tx *bbolt.Tx) error {
		saves, ids := tx.Bucket(savesBucket), tx.Bucket(idsBucket)
		for _, e := range add {
			number := ids.Get([]byte(e.ID))
			if number == nil {
				n, err := saves.NextSequence()
				if err != nil {
					return err
				}
				number = binary.BigEndian.AppendUint64(nil, n)
				if err := ids.Put([]byte(e.ID), number); err != nil {
					return err
				}
			}
			data := pack(e)
			held += len(data) - len(saves.Get(number))
			if err := saves.Put(number, data); err != nil {
				return err
			}
		}
		for _, id := range remove {
			number := ids.Get([]byte(id))
			if number == nil {
				continue
			}
			held -= len(saves.Get(number))
			if err := saves.Delete(number); err != nil {
				return err
			}
			if err := ids.Delete([]byte(id)); err != nil {
				return err
			}
		}
		if f.bytes > 0 && len(add) > 0 && held > f.bytes {
			return fmt.Errorf("%w: %d bytes", ErrFull, held)
		}
		return nil
	})
	if err != nil {
		return &Error{"write", f.path, full(err)}
	}
	f.held = held
	return nil
}

// Load implements [edit.Outbox].
func (f *File) Load() ([]edit.OutboxEntry, error) {
	all, err := f.load()
	if err != nil {
		return nil, &Error{"load", f.path, full(err)}
	}
	return all, nil
}

func (f *File) load() (all []edit.OutboxEntry, err error) {
	err = f.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(savesBucket).ForEach(func(_, v []byte) error {
			e, err := unpack(v)
			all = append(all, e)
			return err
		})
	})
	return all, err
}

// Len returns how many saves the outbox holds.
func (f *File) Len() (int, error) {
	n := 0
	err := f.db.View(func(tx *bbolt.Tx) error {
		n = tx.Bucket(savesBucket).Stats().KeyN
		return nil
	})
	if err != nil {
		return 0, &Error{"load", f.path, full(err)}
	}
	return n, nil
}

// Close closes the file. End the writer that uses it before.
func (f *File) Close() error {
	if err := f.db.Close(); err != nil {
		return &Error{"close", f.path, err}
	}
	return nil
}

// pack is a save as it lies in the file: a checksum, the length of its name,
// the name, the data.
func pack(e edit.OutboxEntry) []byte {
	b := make([]byte, 6, 6+len(e.ID)+len(e.Data))
	binary.BigEndian.PutUint16(b[4:], uint16(len(e.ID)))
	b = append(append(b, e.ID...), e.Data...)
	binary.BigEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
	return b
}

func unpack(b []byte) (edit.OutboxEntry, error) {
	if len(b) < 6 || binary.BigEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
		return edit.OutboxEntry{}, fmt.Errorf("%w: a save has another checksum", ErrDamaged)
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if len(b) < 6+n {
		return edit.OutboxEntry{}, fmt.Errorf("%w: a save is cut off", ErrDamaged)
	}
	return edit.OutboxEntry{ID: string(b[6 : 6+n]), Data: append([]byte(nil), b[6+n:]...)}, nil
}

// full finds out whether an error means that there is no room.
func full(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return err
}

// whole refuses a file that is shorter than it says: bbolt maps it into memory,
// where reading behind the end ends the process.
func whole(path string, salvage bool) error {
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	// Each of the first two pages holds, behind 16 bytes, a magic number, a
	// version, the size of a page, and at 40 the number of pages.
	const header, magic = 16, 0xED0CDAED
	page := int64(os.Getpagesize()) // if the first one does not tell another: the file may come from another machine
	for i := range int64(2) {
		var meta [64]byte
		if _, err := file.ReadAt(meta[:], i*page+header); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		sum := fnv.New64a()
		_, _ = sum.Write(meta[:56])
		if binary.NativeEndian.Uint32(meta[:]) != magic || sum.Sum64() != binary.NativeEndian.Uint64(meta[56:]) {
			if salvage {
				continue // bbolt takes the other one
			}
			return fmt.Errorf("%w: header %d", ErrDamaged, i+1)
		}
		size := int64(binary.NativeEndian.Uint32(meta[8:]))
		if size > 0 {
			page = size
		}
		pages := int64(binary.NativeEndian.Uint64(meta[40:]))
		if size > 0 && pages > info.Size()/size {
			return fmt.Errorf("%w: %d bytes, it had %d", ErrDamaged, info.Size(), pages*size)
		}
	}
	return nil
}

var _ edit.Outbox = (*File)(nil)
