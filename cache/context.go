package cache

import "context"

type noCacheKey struct{}

// NoCache returns a context whose reads go to the database and are not stored.
func NoCache(ctx context.Context) context.Context {
	return context.WithValue(ctx, noCacheKey{}, true)
}

func optedOut(ctx context.Context) bool { return ctx.Value(noCacheKey{}) != nil }
