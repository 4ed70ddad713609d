module github.com/vantage-go/live/analyze/meyer

go 1.26.0

require (
	github.com/sqlc-dev/meyer v0.1.2
	github.com/vantage-go/live v0.0.0-00010101000000-000000000000
)

replace github.com/vantage-go/live => ../../
