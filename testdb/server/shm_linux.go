//go:build linux && (amd64 || arm64)

package server

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// removeSharedMemory removes the System V segment by which a postmaster guards
// its data directory. A killed postmaster leaves it behind, and the kernel keeps
// only some thousands of them. The seventh line of postmaster.pid names it.
func removeSharedMemory(dir string) {
	b, err := os.ReadFile(filepath.Join(dir, dataDir, "postmaster.pid"))
	if err != nil {
		return // not PostgreSQL, or it ended by itself
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 7 {
		return
	}
	words := strings.Fields(lines[6]) // key, id
	if len(words) != 2 {
		return
	}
	id, err := strconv.Atoi(words[1])
	if err != nil {
		return
	}
	_, _, _ = syscall.Syscall(syscall.SYS_SHMCTL, uintptr(id), 0 /* IPC_RMID */, 0)
}
