//go:build unix && !linux

package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"syscall"
)

// becomeSubreaper does nothing: only Linux hands orphans to an ancestor. The
// descendants are listed before the first of them is killed.
func becomeSubreaper() {}

func childAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

// descendants returns the children of a process, their children and so on,
// parents first.
func descendants(root int) []int {
	out, err := exec.CommandContext(context.Background(), "ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var pid, ppid int
		if _, err := fmt.Sscan(lines.Text(), &pid, &ppid); err == nil {
			children[ppid] = append(children[ppid], pid)
		}
	}
	return walk(children, root)
}
