//go:build unix && !(linux && (amd64 || arm64))

package server

// removeSharedMemory does nothing here: a killed PostgreSQL leaves a System V
// segment of a few bytes behind.
func removeSharedMemory(string) {}
