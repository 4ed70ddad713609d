package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// counters prints what the cache counted during the show.
func (s *show) counters(ctx context.Context) error {
	s.scene("6  db.CacheStats() after all this")
	// On a machine that stands still for a second a poll may be late, and the lease
	// over until the next one.
	if err := s.live.Feed().Sync(ctx); err != nil {
		return fmt.Errorf("waiting for the change feed: %w", err)
	}
	stats := s.live.CacheStats()
	rows := [][]string{
		{"reads from memory", count(stats.Hits), fmt.Sprintf("%s of them waited for a read under way", count(stats.Shared))},
		{"misses", count(stats.Misses), count(stats.Stores) + " results stored"},
	}
	for _, why := range slices.Sorted(maps.Keys(stats.Rejected)) {
		rows = append(rows, []string{"results not stored", count(stats.Rejected[why]), why.String()})
	}
	for _, why := range slices.Sorted(maps.Keys(stats.Bypassed)) {
		rows = append(rows, []string{"reads past the cache", count(stats.Bypassed[why]), why.String()})
	}
	rows = append(rows,
		[]string{"thrown out by writes", count(stats.InvalidatedByWrites), "of this handle"},
		[]string{"thrown out by the feed", count(stats.InvalidatedByFeed), "which tells of every program's writes, ours too"},
		[]string{"thrown out for space", count(stats.EvictedBySize), ""},
		[]string{"entries", count(stats.Entries), count(stats.Bytes) + " bytes"},
	)
	s.table([]string{"", " ", ""}, rows)
	asked := stats.Hits + stats.Misses
	s.claim(stats.Leased && stats.LeaseAge < s.Lease, "the cache holds a lease", fmt.Sprintf("it is %s old, of %s", span(stats.LeaseAge), s.Lease))
	s.claim(2*stats.Hits > asked, "most reads that may come from memory did", fmt.Sprintf("%s of %s", count(stats.Hits), count(asked)))
	return nil
}
