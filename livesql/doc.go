// Package livesql makes an ordinary *sql.DB live: its reads are answered from
// memory when, and only when, that is provably as good as asking the
// database.
//
//	import (
//		"github.com/vantage-go/live/livesql"
//		_ "github.com/vantage-go/live/dialects/sqlite"
//	)
//
//	db, err := livesql.Open(ctx, "sqlite", "shop.db", livesql.AutoInstall())
//
// The DB is a *sql.DB: it goes wherever one goes. Nothing is declared per
// query, and there are no lifetimes to choose: writes of any program on the
// database are noticed, through a change log that triggers fill.
//
// This package is the front door. It opens the inner driver through a dialect,
// wraps it (package driver), and puts the cache (package cache) and the change
// feed (package listen) behind the wrapper. It holds no logic of theirs.
package livesql
