package redisstore_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/vantage-go/live/table"
	"github.com/vantage-go/live/table/redisstore"
	"github.com/vantage-go/live/testdb/conformstore"
	"github.com/vantage-go/live/testdb/server"
)

func TestMain(m *testing.M) {
	conformstore.Main(func(place string) (table.RowStore, error) {
		c, err := connect(place)
		if err != nil {
			return nil, err
		}
		return redisstore.New(c, "test"), nil
	})
	goleak.VerifyTestMain(m)
}

func connect(url string) (rueidis.Client, error) {
	o, err := rueidis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	o.DisableCache = true
	return rueidis.NewClient(o)
}

func client(tb testing.TB, url string) rueidis.Client {
	tb.Helper()
	c, err := connect(url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

// keys returns those that end with a text.
func keys(tb testing.TB, c rueidis.Client, end string) (found []string) {
	tb.Helper()
	all, err := c.Do(context.Background(), c.B().Keys().Pattern("*").Build()).AsStrSlice()
	if err != nil {
		tb.Fatal(err)
	}
	for _, k := range all {
		if strings.HasSuffix(k, end) {
			found = append(found, k)
		}
	}
	return found
}

// place is a database of a server.
func place(tb testing.TB, url string) *conformstore.Fixture {
	tb.Helper()
	c := client(tb, url)
	return &conformstore.Fixture{
		Open: func(testing.TB) table.RowStore { return redisstore.New(c, "test") },
		Expire: func(tb testing.TB) {
			tb.Helper()
			for _, k := range keys(tb, c, ":lease") {
				if err := c.Do(context.Background(), c.B().Del().Key(k).Build()).Error(); err != nil {
					tb.Fatal(err)
				}
			}
		},
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	conformstore.Run(t, func(tb testing.TB) *conformstore.Fixture { tb.Helper(); return place(tb, server.Redis(tb).URL()) })
}

func TestCrash(t *testing.T) {
	t.Parallel()
	url := server.Redis(t).URL()
	conformstore.Crash(t, url, 8, place(t, url))
}

// TestLost: rows that Redis has lost, or that have another layout, are none, and
// nothing of a replacement that fails is left behind.
func TestLost(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := client(t, server.Redis(t).URL())
	s, err := redisstore.New(c, "test").Open(ctx, "items")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one := func(yield func(table.StoredRow, error) bool) {
		yield(table.StoredRow{Key: []byte("a"), Row: []byte("1")}, nil)
	}
	loses := func(what string, do rueidis.Completed) {
		t.Helper()
		if err := s.Replace(ctx, []byte("m"), one); err != nil {
			t.Fatal(err)
		}
		if err := c.Do(ctx, do).Error(); err != nil {
			t.Fatal(err)
		}
		mark, err := s.Load(ctx, func([]byte, []byte) error { return nil })
		if mark != nil || err != nil {
			t.Errorf("%s: %q, %v", what, mark, err)
		}
		if err := s.Update(ctx, []byte("m"), nil); !errors.Is(err, table.ErrTaken) {
			t.Errorf("%s: Update: %v", what, err)
		}
	}
	meta := "{test:items}:meta"
	loses("the head", c.B().Del().Key(meta).Build())
	loses("another layout", c.B().Hset().Key(meta).FieldValue().FieldValue("v", "99").Build())
	loses("another generation", c.B().Hset().Key(meta).FieldValue().FieldValue("gen", "elsewhere").Build())
	if err := s.Replace(ctx, []byte("m"), one); err != nil {
		t.Fatal(err)
	}
	fails := errors.New("as scripted")
	var rows iter.Seq2[table.StoredRow, error] = func(yield func(table.StoredRow, error) bool) {
		for range 5000 {
			if !yield(table.StoredRow{Key: []byte("a"), Row: []byte("1")}, nil) {
				return
			}
		}
		yield(table.StoredRow{}, fails)
	}
	if err := s.Replace(ctx, []byte("m"), rows); !errors.Is(err, fails) {
		t.Error(err)
	}
	count := 0
	for _, k := range keys(t, c, "") {
		if strings.Contains(k, ":rows:") {
			count++
		}
	}
	if count > 3 { // those whose heads were lost, until their time is up
		t.Errorf("%d generations are left", count)
	}
}
