module github.com/vantage-go/live/analyze/corpus

go 1.26.0

require (
	github.com/pganalyze/pg_query_go/v6 v6.2.5
	github.com/sqlc-dev/meyer v0.1.2
	github.com/vantage-go/live v0.0.0-00010101000000-000000000000
	github.com/vantage-go/live/analyze/marino v0.0.0-00010101000000-000000000000
	github.com/vantage-go/live/analyze/meyer v0.0.0-00010101000000-000000000000
	github.com/vantage-go/live/analyze/pgquery v0.0.0-00010101000000-000000000000
)

require (
	github.com/sqlc-dev/marino v0.3.1 // indirect
	golang.org/x/text v0.41.0 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)

replace (
	github.com/vantage-go/live => ../../
	github.com/vantage-go/live/analyze/marino => ../marino
	github.com/vantage-go/live/analyze/meyer => ../meyer
	github.com/vantage-go/live/analyze/pgquery => ../pgquery
)
