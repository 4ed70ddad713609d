package table

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/vantage-go/live/internal/wait"
	"github.com/vantage-go/live/table/internal/rows"
)

// How rows are put into a row store: so that changes that follow one another
// quickly are one write, so that the mark stays young although nothing changes,
// and not again and again after a failure.
const (
	saveGather = 200 * time.Millisecond
	saveMark   = 30 * time.Second
	savePause  = 10 * time.Second
	saveLast   = 3 * time.Second // for what is left at the end
)

// saver keeps the rows of a core in a row store. What it keeps is the base, as
// of some version, and a mark of what the base had at least.
type saver[K comparable, T any] struct {
	core     *core[K, T]
	shelf    Shelf
	resuming Resuming
	layout   string
	wake     chan struct{} // capacity 1

	// The rest is guarded by core.writeMu.
	dirty map[K]struct{} // rows that were read since they were kept
	all   bool           // all are to be written
	mark  any            // of the base
}

// keptMark is the mark of a shelf.
type keptMark struct {
	Layout string
	Source []byte
}

// openSaver opens the shelf of a set.
func openSaver[K comparable, T any](ctx context.Context, c *core[K, T], store RowStore) (*saver[K, T], error) {
	resuming, ok := c.source.(Resuming)
	if !ok {
		return nil, errors.New("table: the rows of this source cannot be kept in a store")
	}
	name, err := resuming.Name(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(name))
	shelf, err := store.Open(ctx, c.schema.table+"-"+hex.EncodeToString(sum[:8]))
	if err != nil {
		return nil, fmt.Errorf("table: opening the row store for %s: %w", c.schema.table, err)
	}
	return &saver[K, T]{core: c, shelf: shelf, resuming: resuming, layout: c.schema.layout(), wake: make(chan struct{}, 1), all: true}, nil
}

// load returns the rows that are kept, and the bytes of their mark; nil if there
// are none that are of use.
func (s *saver[K, T]) load(ctx context.Context) (kept map[K]*T, source []byte) {
	schema := s.core.schema
	kept = map[K]*T{}
	text, err := s.shelf.Load(ctx, func(_, row []byte) error {
		r, err := schema.unstored(row)
		if err != nil {
			return err
		}
		k, err := schema.key(r)
		if err != nil {
			return err
		}
		kept[k] = r
		return nil
	})
	var mark keptMark
	if err == nil && text != nil {
		err = json.Unmarshal(text, &mark)
	}
	switch {
	case err != nil:
		s.core.log.Info("livesql: stored rows cannot be read; they are read from the database", "table", schema.table, "error", err)
		return nil, nil
	case text == nil || mark.Layout != s.layout:
		return nil, nil
	}
	return kept, mark.Source
}

// note notes what a round has read: single rows, or all. It is called under
// writeMu.
func (s *saver[K, T]) note(some map[K]*T, all bool, mark any) {
	if mark != nil {
		s.mark = mark
	}
	s.all = s.all || all
	if s.dirty == nil {
		s.dirty = make(map[K]struct{}, len(some))
	}
	for k := range some {
		s.dirty[k] = struct{}{}
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// keeps notes that everything is kept already but for these rows.
func (s *saver[K, T]) keeps(but map[K]*T) {
	s.core.writeMu.Lock()
	defer s.core.writeMu.Unlock()
	s.all, s.dirty = false, make(map[K]struct{}, len(but))
	for k := range but {
		s.dirty[k] = struct{}{}
	}
}

// run keeps the rows until the core ends.
func (s *saver[K, T]) run() {
	defer func() {
		if err := s.shelf.Close(); err != nil {
			s.core.log.Warn("livesql: closing a row store", "table", s.core.schema.table, "error", err)
		}
	}()
	ticker := time.NewTicker(saveMark)
	defer ticker.Stop()
	for {
		select {
		case <-s.wake:
		case <-ticker.C:
			s.core.changes.Ask() // an empty round brings a younger mark
			continue
		case <-s.core.ctx.Done():
			<-s.core.over // what is stored may be read yet
			ctx, cancel := context.WithTimeout(context.Background(), saveLast)
			defer cancel()
			_ = s.try(ctx) // which says so
			return
		}
		_ = wait.For(s.core.ctx, saveGather)
		if err := s.try(s.core.ctx); err != nil {
			_ = wait.For(s.core.ctx, savePause)
			select { // once more, whatever happens
			case s.wake <- struct{}{}:
			default:
			}
		}
	}
}

// try is save, and says what is wrong.
func (s *saver[K, T]) try(ctx context.Context) error {
	err := s.save(ctx)
	switch {
	case err == nil || s.core.ctx.Err() != nil && errors.Is(err, context.Canceled):
	case errors.Is(err, ErrTaken):
		s.core.log.Debug("livesql: another process keeps the rows of a live table", "table", s.core.schema.table)
	default:
		s.core.log.Warn("livesql: the rows of a live table cannot be kept", "table", s.core.schema.table, "error", err)
	}
	return err
}

// save writes what is to be written.
func (s *saver[K, T]) save(ctx context.Context) error {
	c := s.core
	c.writeMu.Lock()
	now, mark, all, dirty := c.current.Load().rows, s.mark, s.all, s.dirty
	bases := make(map[K]*T, len(c.overlay))
	for k, p := range c.overlay {
		bases[k] = p.base
	}
	if mark == nil || !c.isLoaded() {
		c.writeMu.Unlock()
		return nil
	}
	s.all, s.dirty = false, nil
	c.writeMu.Unlock()
	err := s.write(ctx, mark, now, bases, all, dirty)
	if err != nil {
		c.writeMu.Lock()
		s.all = true
		c.writeMu.Unlock()
	}
	return err
}

func (s *saver[K, T]) write(ctx context.Context, mark any, now rows.Map[K, T], bases map[K]*T, all bool, dirty map[K]struct{}) error {
	source, err := s.resuming.Keep(mark)
	if err != nil {
		return err
	}
	text, err := json.Marshal(keptMark{s.layout, source})
	if err != nil {
		return err
	}
	if all {
		return s.shelf.Replace(ctx, text, s.each(now, bases))
	}
	changed := make([]StoredRow, 0, len(dirty))
	for k := range dirty {
		row, pending := bases[k]
		if !pending {
			row = now.Get(k)
		}
		one, err := s.row(k, row)
		if err != nil {
			return err
		}
		changed = append(changed, one)
	}
	err = s.shelf.Update(ctx, text, changed)
	if errors.Is(err, ErrTaken) { // perhaps not any more
		err = s.shelf.Replace(ctx, text, s.each(now, bases))
	}
	return err
}

// each yields the rows of the base.
func (s *saver[K, T]) each(now rows.Map[K, T], bases map[K]*T) iter.Seq2[StoredRow, error] {
	return func(yield func(StoredRow, error) bool) {
		for k, row := range bases {
			if row != nil && !yield(s.row(k, row)) {
				return
			}
		}
		for k, row := range now.All() {
			if _, pending := bases[k]; !pending && !yield(s.row(k, row)) {
				return
			}
		}
	}
}

func (s *saver[K, T]) row(k K, row *T) (r StoredRow, err error) {
	if r.Key, err = s.core.schema.storedKey(k); err == nil && row != nil {
		r.Row, err = s.core.schema.stored(row)
	}
	return r, err
}

// askMark waits for a mark of this process, from behind a look at the capture:
// what leaves no row in the log shows there. That there is none is no error.
func (c *core[K, T]) askMark() {
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if p, err := c.changes.Sync(ctx); err == nil {
		_, _, _ = c.inbox.reach(ctx, p)
	}
}

// readWarm makes the rows that are kept current, as of one moment, and shows
// them. It reports whether it could.
func (c *core[K, T]) readWarm(r round[K]) (done bool, err error) {
	kept, source := c.saver.load(c.ctx)
	if kept == nil {
		return false, nil
	}
	mark, err := c.saver.resuming.Resume(source, r.mark)
	if err != nil {
		c.log.Info("livesql: stored rows are too old, or of another database; they are read anew", "table", c.schema.table, "reason", err)
		return false, nil
	}
	reading, err := c.source.Open(c.ctx)
	if err != nil {
		return false, fmt.Errorf("table: loading %s: %w", c.schema.table, err)
	}
	found, err := c.sinceKept(reading, mark)
	if err = errors.Join(err, reading.Close()); err != nil {
		c.log.Info("livesql: it cannot be told what has changed since rows were stored; they are read anew", "table", c.schema.table, "reason", err)
		return false, nil
	}
	for k, row := range found {
		if row == nil {
			delete(kept, k)
			continue
		}
		kept[k] = row
	}
	all := make([]entry[K, T], 0, len(kept))
	for k, row := range kept {
		all = append(all, entry[K, T]{k, row})
	}
	if c.loading != nil {
		c.loading(len(all))
	}
	c.log.Debug("livesql: a live table has started with stored rows", "table", c.schema.table, "rows", len(all), "read", len(found))
	c.finish(r, nil, all)
	c.saver.keeps(found)
	return true, nil
}

// sinceKept reads the rows that were changed since a mark.
func (c *core[K, T]) sinceKept(reading Reading[K, T], mark any) (map[K]*T, error) {
	telling, ok := reading.(Telling[K])
	if !ok {
		return nil, ErrNotTold
	}
	news, err := telling.Since(c.ctx, mark)
	if err != nil {
		return nil, err
	}
	if news.Whole {
		return nil, errAny
	}
	found := make(map[K]*T, len(news.Keys))
	for _, k := range news.Keys {
		found[k] = nil
	}
	keys := make([]K, 0, len(found))
	for k := range found {
		keys = append(keys, k)
	}
	return found, c.read(reading, keys, found)
}
