//go:build !go1.27

package driver_test

// What later Go versions add.
var (
	newCapabilities []capability
	newShapes       []shape
)
