package livesql_test

import (
	"database/sql"
	"os"
	"runtime"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// apart has this process and the server that db is connected to run on a processor
// each, until the benchmark ends, as if the server were another machine. Left to
// the kernel, the server's process now and then gets the processor of whoever asks
// it and need not be woken on another: such reads take half as long, and whose
// reads they are is chance. It reports false where there is but one processor.
func apart(b *testing.B, db *sql.DB) bool {
	b.Helper()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		b.Fatal(err)
	}
	var ours, theirs unix.CPUSet
	for cpu := range len(all) * strconv.IntSize {
		switch {
		case !all.IsSet(cpu) || theirs.Count() > 0:
		case ours.Count() == 0:
			ours.Set(cpu)
		default:
			theirs.Set(cpu)
		}
	}
	if theirs.Count() == 0 {
		return false
	}
	// New processes of the server, and new threads of ours, run where those run
	// that they come from.
	rows, err := db.QueryContext(b.Context(), `SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int UNION SELECT pid FROM pg_stat_activity`)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var pid int
		if err := rows.Scan(&pid); err != nil {
			b.Fatal(err)
		}
		if err := unix.SchedSetaffinity(pid, &theirs); err != nil {
			b.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	threads(b, &ours)
	procs := runtime.GOMAXPROCS(1)
	b.Cleanup(func() {
		threads(b, &all)
		runtime.GOMAXPROCS(procs)
	})
	return true
}

// threads has every thread of this process run on the processors of set.
func threads(b *testing.B, set *unix.CPUSet) {
	b.Helper()
	all, err := os.ReadDir("/proc/self/task")
	if err != nil {
		b.Fatal(err)
	}
	for _, thread := range all {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			b.Fatal(err)
		}
		if err := unix.SchedSetaffinity(id, set); err != nil && err != unix.ESRCH {
			b.Fatal(err)
		}
	}
}
