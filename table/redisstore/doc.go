// Package redisstore keeps the rows of live tables in Redis or Valkey, where
// several processes find them.
//
//	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"localhost:6379"}})
//	store := redisstore.New(client, "shop")
//	bakeries, err := livesql.OpenTable[int64, Bakery](ctx, db, "bakery", table.StoreIn(store))
//
// One process writes the rows of a set, and holds a lease for it; others that
// open the same set start with what it has written, and one of them goes on when
// it is gone. Each update is one script, and all or nothing. A replacement of
// all rows is written into another hash, which takes the place of the old one at
// once. Every write makes sure that nobody else has written in between.
//
// Redis may lose what was written last, or all of it: what is left is older, but
// whole, and the change log tells the difference. It is never the truth about
// anything. Rows that nobody has written for 30 days go.
//
// It is a module of its own, so that programs without it need no client.
package redisstore
