//go:build !race

package demo

// raceDetector says that times mean nothing in this build.
const raceDetector = false
