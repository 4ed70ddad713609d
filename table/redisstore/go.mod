module github.com/vantage-go/live/table/redisstore

go 1.26.0

require (
	github.com/redis/rueidis v1.0.79
	github.com/vantage-go/live v0.0.0-00010101000000-000000000000
	go.uber.org/goleak v1.3.0
)

require (
	filippo.io/edwards25519 v1.2.0 // indirect
	github.com/go-sql-driver/mysql v1.10.1 // indirect
	github.com/jmoiron/sqlx v1.4.0 // indirect
	github.com/lib/pq v1.12.3 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/vantage-go/live => ../../
