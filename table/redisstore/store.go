package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/vantage-go/live/table"
)

// DefaultLease is how long a process that writes nothing any more keeps others
// from writing, without [Lease]. A live table writes more often, if only its
// mark.
const DefaultLease = 2 * time.Minute

// loose is how long the rows of a replacement that was never finished stay.
const loose = time.Hour

// batch is how many rows of a replacement are sent at once.
const batch = 1000

// Store is a [table.RowStore] in Redis. The client stays the caller's.
type Store struct {
	client rueidis.Client
	prefix string
	lease  time.Duration
}

var _ table.RowStore = (*Store)(nil)

// Option configures a store.
type Option func(*Store)

// Lease sets how long a process that is gone keeps others from writing.
func Lease(d time.Duration) Option { return func(s *Store) { s.lease = d } }

// New returns a store whose keys begin with prefix in braces.
func New(client rueidis.Client, prefix string, opts ...Option) *Store {
	s := &Store{client: client, prefix: prefix, lease: DefaultLease}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// Open returns what is kept under a name. It asks nobody.
func (s *Store) Open(_ context.Context, name string) (table.Shelf, error) {
	key := "{" + url.PathEscape(s.prefix) + ":" + url.PathEscape(name) + "}"
	return &shelf{store: s, key: key, writer: rand.Text()}, nil
}

// shelf is one set of rows.
type shelf struct {
	store  *Store
	key    string
	writer string // this one, among all
	gen    string // that it has written, empty for none
}

func (s *shelf) rows(gen string) string { return s.key + ":rows:" + gen }

// exec runs a script, with more keys than the first two and more arguments. It
// reports whether the script did what it is for.
func (s *shelf) exec(ctx context.Context, script *rueidis.Lua, key string, args ...string) error {
	keys := []string{s.key + ":lease", s.key + ":meta"}
	if key != "" {
		keys = append(keys, key)
	}
	args = append([]string{s.writer, strconv.FormatInt(s.store.lease.Milliseconds(), 10)}, args...)
	done, err := script.Exec(ctx, s.store.client, keys, args).AsInt64()
	switch {
	case err != nil:
		return fmt.Errorf("redisstore: writing: %w", err)
	case done == 0:
		return table.ErrTaken
	}
	return nil
}

// Load reads the rows of the current generation, which may change meanwhile.
func (s *shelf) Load(ctx context.Context, yield func(key, row []byte) error) ([]byte, error) {
	gen, mark, err := s.head(ctx)
	if err != nil || gen == "" {
		return nil, err
	}
	c := s.store.client
	for cursor := uint64(0); ; {
		page, err := c.Do(ctx, c.B().Hscan().Key(s.rows(gen)).Cursor(cursor).Count(batch).Build()).AsScanEntry()
		if err != nil {
			return nil, fmt.Errorf("redisstore: reading: %w", err)
		}
		for i := 0; i+1 < len(page.Elements); i += 2 {
			if err := yield([]byte(page.Elements[i]), []byte(page.Elements[i+1])); err != nil {
				return nil, err
			}
		}
		if cursor = page.Cursor; cursor == 0 {
			break
		}
	}
	// A replacement has removed them under our hands.
	if now, _, err := s.head(ctx); err != nil || now != gen {
		return nil, err
	}
	return []byte(mark), nil
}

// head returns the current generation and its mark; nothing if there is none
// that is whole.
func (s *shelf) head(ctx context.Context) (gen, mark string, err error) {
	keys := []string{s.key + ":lease", s.key + ":meta", s.rows("")}
	parts, err := head.Exec(ctx, s.store.client, keys, nil).AsStrSlice()
	if err != nil {
		return "", "", fmt.Errorf("redisstore: reading: %w", err)
	}
	if len(parts) != 2 {
		return "", "", nil
	}
	return parts[0], parts[1], nil
}

// Replace writes another generation and makes it the current one.
func (s *shelf) Replace(ctx context.Context, mark []byte, rows iter.Seq2[table.StoredRow, error]) (err error) {
	if err := s.exec(ctx, claim, ""); err != nil {
		return err
	}
	gen := rand.Text()
	defer func() {
		if err != nil {
			brief, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			c := s.store.client
			_ = c.Do(brief, c.B().Unlink().Key(s.rows(gen)).Build()).Error() // else its time is up some day
		}
	}()
	pending := make([]table.StoredRow, 0, batch)
	count := 0
	for r, err := range rows {
		if err != nil {
			return fmt.Errorf("redisstore: writing: %w", err)
		}
		if pending = append(pending, r); len(pending) < batch {
			continue
		}
		count += len(pending)
		if err := s.add(ctx, gen, pending); err != nil {
			return err
		}
		pending = pending[:0]
	}
	count += len(pending)
	if err := s.add(ctx, gen, pending); err != nil {
		return err
	}
	if err := s.exec(ctx, commit, s.rows(gen), gen, rueidis.BinaryString(mark), strconv.Itoa(count)); err != nil {
		return err
	}
	s.gen = gen
	return nil
}

// add writes rows of a generation, and renews the lease.
func (s *shelf) add(ctx context.Context, gen string, rows []table.StoredRow) error {
	if len(rows) == 0 {
		return ctx.Err()
	}
	c := s.store.client
	fields := c.B().Hset().Key(s.rows(gen)).FieldValue()
	for _, r := range rows {
		fields = fields.FieldValue(rueidis.BinaryString(r.Key), rueidis.BinaryString(r.Row))
	}
	for _, result := range c.DoMulti(ctx, fields.Build(), c.B().Expire().Key(s.rows(gen)).Seconds(int64(loose.Seconds())).Build()) {
		if err := result.Error(); err != nil {
			return fmt.Errorf("redisstore: writing: %w", err)
		}
	}
	return s.exec(ctx, claim, "")
}

// Update is one script.
func (s *shelf) Update(ctx context.Context, mark []byte, changed []table.StoredRow) error {
	if s.gen == "" {
		return table.ErrTaken
	}
	var put, gone []string
	for _, r := range changed {
		if r.Row == nil {
			gone = append(gone, rueidis.BinaryString(r.Key))
			continue
		}
		put = append(put, rueidis.BinaryString(r.Key), rueidis.BinaryString(r.Row))
	}
	args := append([]string{s.gen, rueidis.BinaryString(mark), strconv.Itoa(len(put) / 2)}, put...)
	return s.exec(ctx, update, s.rows(s.gen), append(args, gone...)...)
}

// Close lets others write.
func (s *shelf) Close() error {
	if s.gen == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := release.Exec(ctx, s.store.client, []string{s.key + ":lease", s.key + ":meta"}, []string{s.writer}).Error(); err != nil {
		return fmt.Errorf("redisstore: giving the lease back: %w", err)
	}
	return nil
}
