//go:build unix

package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vantage-go/live/testdb/server"
)

// crashEnv makes TestCrash the victim: it tells how to die.
const crashEnv = "LIVESQL_TESTDB_CRASH"

// TestServersDieWithTheTestBinary starts this test binary again, has it start
// servers, and lets it die in several ways. Nothing may be left.
func TestServersDieWithTheTestBinary(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"panic", "exit", "kill", "end"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			victim := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrash$", "-test.timeout=120s")
			victim.Env = append(os.Environ(), crashEnv+"="+how)
			victim.Stderr = nil // a stack trace
			stdin, err := victim.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			stdout, err := victim.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := victim.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(stdout)
			var servers []server.Supervised
			for lines.Scan() {
				if text, ok := strings.CutPrefix(lines.Text(), "servers "); ok {
					if err := json.Unmarshal([]byte(text), &servers); err != nil {
						t.Fatal(err)
					}
					break
				}
			}
			var processes []int
			for _, s := range servers {
				below := server.Descendants(s.Supervisor)
				if len(below) == 0 {
					t.Errorf("no server in %s", s.Dir)
				}
				processes = append(append(processes, s.Supervisor), below...)
			}
			// Three shared servers and an owned one, each with a supervisor;
			// PostgreSQL has some processes more.
			if len(servers) != 4 || len(processes) < 4+4+2*3 {
				t.Fatalf("%d servers, %d processes", len(servers), len(processes))
			}
			if how == "kill" {
				if err := victim.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			stdin.Close() // go
			for lines.Scan() {
			}
			_ = victim.Wait() // it fails, except for "end"
			begin := time.Now()
			for _, s := range servers {
				eventually(t, s.Dir+" is removed", func() bool {
					_, err := os.Stat(s.Dir)
					return os.IsNotExist(err)
				})
			}
			for _, pid := range processes {
				eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(pid) })
			}
			t.Logf("%d processes gone %v after the end of the test binary", len(processes), time.Since(begin))
		})
	}
}

// TestCrash is the victim's part.
func TestCrash(t *testing.T) {
	how := os.Getenv(crashEnv)
	if how == "" {
		return // it is a part of TestServersDieWithTheTestBinary
	}
	d := server.Postgres(t)
	server.MariaDB(t)
	server.Redis(t)
	servers := server.SharedServers()

	// A session with a statement that runs for long, and sessions that do nothing.
	busy := make(chan struct{})
	go func() {
		close(busy)
		_, _ = d.DB().ExecContext(t.Context(), "SELECT count(*) FROM generate_series(1, 1000000000000)")
	}()
	<-busy
	eventually(t, "the statement runs", func() bool {
		return count(t, d.DB(), "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series(1, %' AND pid <> pg_backend_pid()") == 1
	})
	frozen := server.OwnPostgres(t)
	servers = append(servers, server.SupervisedServer(frozen))
	if err := frozen.Pause(); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(servers)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("\nservers %s\n", text)
	if how == "kill" {
		select {}
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the other side has looked
	switch how {
	case "panic":
		go func() { panic("as told") }() // in another goroutine: no clean-up of this test runs
		select {}
	case "exit":
		os.Exit(3)
	}
}

// alive reports whether a process exists and is more than a zombie, which nobody
// may collect in a container.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return !os.IsNotExist(err)
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// A killed supervisor cannot clean up, but on Linux its server dies with it.
func TestServerDiesWithItsSupervisor(t *testing.T) {
	s, err := server.Unowned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sup := server.SupervisedServer(s)
	t.Cleanup(func() {
		server.RemoveSharedMemory(sup.Dir)
		os.RemoveAll(sup.Dir)
	})
	processes := server.Descendants(sup.Supervisor)
	if len(processes) == 0 {
		t.Fatal("no server")
	}
	if err := syscall.Kill(sup.Supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" {
		for _, pid := range processes {
			eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(pid) })
		}
	}
	if err := s.Stop(t.Context()); err == nil || !strings.Contains(err.Error(), "supervisor is gone") {
		t.Errorf("Stop: %v", err)
	}
}

// A server that ignores the order to quit, with a child that left its process
// group: both the killing and the clean-up must find them.
func TestStubbornProcessesAreKilled(t *testing.T) {
	for _, how := range []string{"kill", "close"} {
		t.Run(how, func(t *testing.T) {
			s, err := server.Supervise(t.Context(), "/bin/sh", "-c",
				`trap "" QUIT TERM INT; setsid sh -c 'trap "" QUIT TERM; while :; do sleep 100; done' & while :; do sleep 100; done`)
			if err != nil {
				t.Fatal(err)
			}
			sup := s.Supervised()
			eventually(t, "all processes run", func() bool { return len(server.Descendants(sup.Supervisor)) == 4 })
			processes := server.Descendants(sup.Supervisor)
			if how == "kill" {
				if err := s.Kill(); err != nil {
					t.Fatal(err)
				}
				for _, pid := range processes {
					if alive(pid) {
						t.Errorf("process %d is alive after Kill", pid)
					}
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for _, pid := range append(processes, sup.Supervisor) {
				if alive(pid) {
					t.Errorf("process %d is alive after the clean-up", pid)
				}
			}
			if _, err := os.Stat(sup.Dir); !os.IsNotExist(err) {
				t.Errorf("%s: %v", sup.Dir, err)
			}
		})
	}
}

// A killed postmaster leaves a System V segment behind, which the clean-up finds.
func TestNoSharedMemoryIsLeft(t *testing.T) {
	if _, err := os.Stat("/proc/sysvipc/shm"); err != nil {
		return // not Linux
	}
	s, err := server.Unowned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	pidFile, err := os.ReadFile(server.SupervisedServer(s).Dir + "/data/postmaster.pid")
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Fields(strings.Split(string(pidFile), "\n")[6])[1]
	exists := func() bool {
		segments, err := os.ReadFile("/proc/sysvipc/shm")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(segments)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[1] == id {
				return true
			}
		}
		return false
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if !exists() {
		t.Fatalf("no segment %s after Kill: the test looks for the wrong thing", id)
	}
	if err := server.Remove(s); err != nil {
		t.Fatal(err)
	}
	if exists() {
		t.Errorf("the segment %s is left", id)
	}
}

func TestFirstStartFindsAnotherPort(t *testing.T) {
	for _, start := range []struct {
		name string
		with func(ctx context.Context, pick func() (int, error)) (addr string, cleanUp func() error, err error)
	}{{"postgres", server.StartPostgres}, {"mariadb", server.StartMariaDB}, {"redis", server.StartRedis}} {
		t.Run(start.name, func(t *testing.T) {
			squatter, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer squatter.Close()
			taken := squatter.Addr().(*net.TCPAddr).Port
			picks := 0
			addr, cleanUp, err := start.with(patiently(t), func() (int, error) {
				picks++
				if picks <= 2 {
					return taken, nil
				}
				return server.FreePort(t.Context())
			})
			if err != nil {
				t.Fatal(err)
			}
			if picks != 3 || addr == squatter.Addr().String() {
				t.Errorf("%d picks, now at %s", picks, addr)
			}
			if err := cleanUp(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRestartWaitsForItsOwnPort(t *testing.T) {
	ctx := patiently(t)
	s := server.OwnPostgres(t)
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	squatter, err := net.Listen("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { started <- s.Start(ctx) }()
	select {
	case err := <-started:
		t.Errorf("Start returned %v while somebody else had the port", err)
	case <-time.After(500 * time.Millisecond):
	}
	squatter.Close()
	if err := <-started; err != nil {
		t.Errorf("Start after the port became free: %v", err)
	}
}

func TestStartReportsWhyTheServerEnded(t *testing.T) {
	ctx := patiently(t)
	s := server.OwnPostgres(t)
	if err := s.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Configure(ctx, map[string]string{"work_mem": "much"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(ctx); err == nil || !strings.Contains(err.Error(), `invalid value for parameter "work_mem"`) {
		t.Errorf("Start: %v", err)
	}
}
