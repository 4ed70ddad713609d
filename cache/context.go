package cache

import (
	"context"
	"slices"
	"sync/atomic"
)

// readKey is where a context holds its *readOptions. There is one key for all
// of them: every read looks it up.
type readKey struct{}

// readOptions are what a context says about the reads under it. They are never
// modified once in a context.
type readOptions struct {
	noCache     bool
	refresh     bool // of a result that is out of date
	consistency Consistency
	tokens      []*awaited
}

// awaited is a token that the cache must have reached.
type awaited struct {
	token string
	// by is the cache that has reached it, and stays there. A context can be
	// used with several.
	by atomic.Pointer[Cache]
}

// NoCache returns a context whose reads go to the database and are not stored.
func NoCache(ctx context.Context) context.Context {
	return with(ctx, func(o *readOptions) { o.noCache = true })
}

// Refreshing returns a context whose reads are those of a [Refresh].
func Refreshing(ctx context.Context) context.Context {
	return with(ctx, func(o *readOptions) { o.refresh = true })
}

// WaitFor returns a context whose reads are answered from memory only if
// everything that token stands for has been applied (see
// [listen.Feed.Token]). Until then they go to the database, as do all reads
// under a token of another database.
func WaitFor(ctx context.Context, token string) context.Context {
	return with(ctx, func(o *readOptions) { o.tokens = append(o.tokens, &awaited{token: token}) })
}

func with(ctx context.Context, change func(*readOptions)) context.Context {
	var o readOptions
	if outer := optionsOf(ctx); outer != nil {
		o = *outer
		o.tokens = slices.Clone(outer.tokens)
	}
	change(&o)
	return context.WithValue(ctx, readKey{}, &o)
}

func optionsOf(ctx context.Context) *readOptions {
	o, _ := ctx.Value(readKey{}).(*readOptions)
	return o
}

// reached reports whether c has applied everything that the tokens stand for.
func (o *readOptions) reached(c *Cache) bool {
	for _, a := range o.tokens {
		if a.by.Load() == c {
			continue
		}
		if reached, err := c.config.Reached(a.token); err != nil || !reached {
			return false
		}
		a.by.Store(c)
	}
	return true
}
