package server

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// memory is where Linux keeps files in memory.
const memory = "/dev/shm"

// roomy tells whether there is memory to spare for servers' files: a server whose
// tests are many has some hundred megabytes.
func roomy() bool {
	const tmpfs, plenty = 0x01021994, 4 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err != nil || fs.Type != tmpfs || fs.Bavail < plenty/uint64(fs.Bsize) {
		return false
	}
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return false
	}
	for line := range bytes.Lines(info) {
		if kB, ok := strings.CutPrefix(string(line), "MemAvailable:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kB), "kB")), 10, 64)
			return err == nil && n >= 2*plenty>>10
		}
	}
	return false
}
