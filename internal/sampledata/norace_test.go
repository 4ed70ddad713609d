//go:build !race

package sampledata_test

// raceFactor is what the race detector may cost.
const raceFactor = 1
