package sqlstore

// For tests.
var (
	OwnersOf        = ownersOf
	ReturnsInserted = returnsInserted
	IsPQ            = isPQ
)
