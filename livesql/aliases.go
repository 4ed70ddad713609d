package livesql

import (
	"github.com/vantage-go/live/cache"
	"github.com/vantage-go/live/listen"
)

// Stats is a snapshot of the cache's counters.
type Stats = cache.Stats

// Bypass is a reason why a read did not ask the cache.
type Bypass = cache.Bypass

// Rejection is a reason why the result of a read was not stored.
type Rejection = cache.Rejection

// Consistency is how current an answer from memory has to be; see [Strong],
// [Bounded] and [AllowStale]. The zero value asks for the handle's default.
type Consistency = cache.Consistency

// Dependency is a table, or some rows of one, on which a result depends.
type Dependency = cache.Dependency

// Feed follows the changes of one database.
type Feed = listen.Feed

// FeedState tells how far a feed can be trusted.
type FeedState = listen.State

// FeedStatus is a snapshot of a feed's condition.
type FeedStatus = listen.Status

// ErrNoLog is found in the errors that tell of a database without a change
// feed.
var ErrNoLog = listen.ErrNoLog
