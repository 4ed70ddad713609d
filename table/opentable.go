package table

import (
	"context"
	"fmt"
	"reflect"
	"strings"
)

// OpenTable returns a live table of the rows of a table, or of those that meet
// the conditions of [Where]. Rows are structs with `db` tags as sqlx has them;
// the key is what is tagged with pk, or else the primary key of the table.
// What is tagged must be the primary key, or another unique one without NULLs;
// then each change makes the table be read as a whole, since the change log
// tells primary keys. For a view it is taken at its word until two rows have
// the same. Rows are read again by their keys: a type of a key that is an
// [database/sql.Scanner] is also a [database/sql/driver.Valuer], and gives back the value that it has
// scanned. Ctx bounds the loading only.
//
// Tables that are opened twice in the same way share their rows and the
// statements that keep them current. All others of the same table share the
// statement that reads the rows that have changed.
//
// The error is a *NoKeyError for a table whose rows cannot be told apart, an
// *UncoveredError for one whose changes nobody tells, unless PollEvery is
// among the options, or a *ConditionError.
func OpenTable[K comparable, T any](ctx context.Context, db *Database, name string, opts ...Option) (*LiveTable[K, T], error) {
	o := collect(opts)
	source, err := newSQLSource[K, T](ctx, db, name, o)
	if err != nil {
		return nil, err
	}
	if o.store != nil && !distinct(o) {
		return nil, &ConditionError{Text: o.where[0].text, Why: "rows can be kept in a store only if its arguments are numbers, texts or bools"}
	}
	if err := source.follow(ctx); err != nil {
		return nil, err
	}
	c, release, err := share(ctx, db, shapeOf[K, T](name, o), source, o)
	if err != nil {
		return nil, fmt.Errorf("table: opening %s: %w", name, err)
	}
	return opened(ctx, handle(c, release), o)
}

// shape tells live tables that can share a core.
type shape struct {
	key, row reflect.Type
	text     string
}

func shapeOf[K comparable, T any](name string, o *options) shape {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %v", name, o.order, o.columns, o.every)
	if o.store != nil {
		fmt.Fprintf(&b, " %p", o.store)
	}
	for _, w := range o.where {
		fmt.Fprintf(&b, " %q", w.text)
		for _, arg := range w.args {
			text, _ := canonical(arg) // those without one are not shared
			fmt.Fprintf(&b, " %q", text)
		}
	}
	return shape{reflect.TypeFor[K](), reflect.TypeFor[T](), b.String()}
}

// sharable reports whether tables of one shape can share a core.
func sharable(o *options) bool {
	return o.progress == nil && distinct(o) // else it wants to see its own loading
}

// distinct reports whether the texts of arguments tell them apart.
func distinct(o *options) bool {
	for _, w := range o.where {
		for _, arg := range w.args {
			switch reflect.ValueOf(arg).Kind() {
			case reflect.Bool, reflect.String, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
				reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
			default:
				return false
			}
		}
	}
	return true
}

// share returns the core of that shape, and what gives it back. The last one
// who does so ends it.
func share[K comparable, T any](ctx context.Context, db *Database, key shape, source Source[K, T], o *options) (*core[K, T], func() error, error) {
	if !sharable(o) {
		c, err := start(ctx, source, o)
		if err != nil {
			return nil, nil, err
		}
		return c, c.close, nil
	}
	s, err := db.use(ctx, key, func() (any, func() error, error) {
		c, err := start(ctx, source, o)
		if err != nil {
			return nil, nil, err
		}
		return c, c.close, nil
	})
	if err != nil {
		return nil, nil, err
	}
	release := func() error {
		db.sharedMu.Lock()
		s.users--
		last := s.users == 0
		if last {
			delete(db.shared, key)
		}
		db.sharedMu.Unlock()
		if last {
			return s.close()
		}
		return nil
	}
	return s.core.(*core[K, T]), release, nil
}

// use returns the core of that shape with one user more. The first one starts it,
// for which a row store is opened, so without the lock. The others wait for that,
// each as long as its own context lasts, and if it fails, one of them tries again:
// the error may be that of the first one's context.
func (d *Database) use(ctx context.Context, key shape, start func() (core any, end func() error, err error)) (*shared, error) {
	for {
		d.sharedMu.Lock()
		s := d.shared[key]
		if s == nil {
			if d.shared == nil {
				d.shared = make(map[any]*shared)
			}
			s = &shared{started: make(chan struct{})}
			d.shared[key] = s
			d.sharedMu.Unlock()
			return s, d.begin(key, s, start)
		}
		there := s.core != nil
		if there {
			s.users++
		}
		d.sharedMu.Unlock()
		if there {
			return s, nil
		}
		select {
		case <-s.started:
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another one who opens it: %w", ctx.Err())
		}
	}
}

// begin starts a core for its first user.
func (d *Database) begin(key shape, s *shared, start func() (core any, end func() error, err error)) error {
	var core any
	var end func() error
	defer func() { // also if start panics
		d.sharedMu.Lock()
		defer d.sharedMu.Unlock()
		if core == nil {
			delete(d.shared, key)
		} else {
			s.core, s.close, s.users = core, end, 1
		}
		close(s.started)
	}()
	var err error
	core, end, err = start()
	return err
}
