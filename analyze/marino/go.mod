module github.com/vantage-go/live/analyze/marino

go 1.26.0

require (
	github.com/sqlc-dev/marino v0.3.1
	github.com/vantage-go/live v0.0.0-00010101000000-000000000000
)

require golang.org/x/text v0.41.0 // indirect

replace github.com/vantage-go/live => ../../
