module github.com/vantage-go/live/table/bboltstore

go 1.26.0

require (
	github.com/vantage-go/live v0.0.0-00010101000000-000000000000
	go.etcd.io/bbolt v1.5.0
	go.uber.org/goleak v1.3.0
)

require (
	github.com/jmoiron/sqlx v1.4.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace github.com/vantage-go/live => ../../
