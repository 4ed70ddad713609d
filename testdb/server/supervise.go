//go:build unix

package server

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// This file is the supervisor's side of the pipe: code that runs in the second
// copy of the test binary, the parent of one database server. process.go is the
// side of the test.
//
// The protocol is one JSON request per line on standard input, answered by one
// JSON reply per line on standard output. The end of standard input is the order
// to clean up and to exit.

// superviseEnv, when set, turns a test binary into a supervisor. Its value is
// the directory to remove at the end.
const superviseEnv = "LIVESQL_TESTDB_SUPERVISE"

func init() {
	dir := os.Getenv(superviseEnv)
	if dir == "" {
		return
	}
	// The children ask to be killed when the thread that started them dies.
	// init functions run on the main thread, which lives as long as the process.
	runtime.LockOSThread()
	w := &warden{dir: dir, out: json.NewEncoder(os.Stdout)}
	w.serve(os.Stdin)
	os.Exit(0)
}

type operation string

const (
	opRun    operation = "run"    // run a program to its end
	opStart  operation = "start"  // start the server
	opSignal operation = "signal" // signal the server process
	opFreeze operation = "freeze" // SIGSTOP the server and all its descendants
	opThaw   operation = "thaw"   // SIGCONT the server and all its descendants
	opWait   operation = "wait"   // wait for the server's end, for at most Wait
	opKill   operation = "kill"   // SIGKILL the server and all its descendants
)

// request is what a test asks of its supervisor.
type request struct {
	Op      operation
	Command *command       `json:",omitempty"` // run, start
	Signal  syscall.Signal `json:",omitempty"` // signal
	Wait    time.Duration  `json:",omitempty"` // wait
}

// command is a program with the identity it runs under.
type command struct {
	Argv []string
	Env  []string // in addition to the environment of the test
	Dir  string
	Log  string // standard output and error are appended to this file
	UID  uint32 // 0 means: as the supervisor
	GID  uint32
	// Quit is sent first at the clean-up, so that the server can release what
	// outlives its processes. Servers that need no such care leave it 0.
	Quit syscall.Signal
}

// reply is the supervisor's answer.
type reply struct {
	PID     int    // the server, 0 if it does not run
	Running bool   // whether the server runs
	Exit    string // how the program or the server ended, "" for success
	Err     string // why the request failed
}

// warden owns one server process. It has one goroutine that works and one
// that reads; only the first touches the fields.
type warden struct {
	dir      string
	out      *json.Encoder
	pid      int // the server, 0 if it does not run
	exit     string
	quit     syscall.Signal
	children chan os.Signal // SIGCHLD
	eof      chan struct{}  // the test is gone
}

func (w *warden) serve(in io.Reader) {
	// The session of its own (see startSupervisor) keeps the signals of the test's
	// terminal away. Whoever sends one by hand must not stop the clean-up.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGPIPE)
	becomeSubreaper()
	w.children = make(chan os.Signal, 1)
	signal.Notify(w.children, syscall.SIGCHLD)
	w.eof = make(chan struct{})
	requests := make(chan request)
	go func() {
		defer close(w.eof)
		dec := json.NewDecoder(bufio.NewReader(in))
		for {
			var r request
			if dec.Decode(&r) != nil {
				return
			}
			requests <- r
		}
	}()
	for {
		select {
		case r := <-requests:
			_ = w.out.Encode(w.handle(r)) // a failure is followed by eof
		case <-w.children:
			w.reap()
		case <-w.eof:
			w.cleanup()
			return
		}
	}
}

func (w *warden) handle(r request) reply {
	w.reap()
	var err error
	switch r.Op {
	case opRun:
		if w.pid != 0 {
			err = errors.New("a server is running")
			break
		}
		if err = w.start(r.Command); err == nil {
			w.wait(0)
		}
	case opStart:
		if w.pid != 0 {
			err = errors.New("the server is already running")
			break
		}
		err = w.start(r.Command)
	case opSignal:
		if w.pid != 0 {
			err = syscall.Kill(w.pid, r.Signal)
		}
	case opFreeze:
		w.freeze()
	case opThaw:
		w.signalTree(syscall.SIGCONT)
	case opWait:
		w.wait(r.Wait)
	case opKill:
		w.killTree()
	default:
		err = errors.New("unknown operation " + string(r.Op))
	}
	rep := reply{PID: w.pid, Running: w.pid != 0, Exit: w.exit}
	if err != nil {
		rep.Err = err.Error()
	}
	return rep
}

// start forks the program. It must be called on the main thread, see init.
func (w *warden) start(c *command) error {
	logFile, err := os.OpenFile(c.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer logFile.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	sys := childAttr()
	sys.Setpgid = true
	if c.UID != 0 {
		sys.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID}
	}
	pid, err := syscall.ForkExec(c.Argv[0], c.Argv, &syscall.ProcAttr{
		Dir:   c.Dir,
		Env:   append(environ(), c.Env...),
		Files: []uintptr{null.Fd(), logFile.Fd(), logFile.Fd()},
		Sys:   sys,
	})
	if err != nil {
		return &os.PathError{Op: "start", Path: c.Argv[0], Err: err}
	}
	w.pid, w.exit, w.quit = pid, "", c.Quit
	return nil
}

// environ is the environment for the server: the test's own, without what would
// turn a child that happens to be a test binary into a supervisor, and without
// the variables that clients and servers take settings from.
func environ() []string {
	return slices.DeleteFunc(os.Environ(), func(kv string) bool {
		for _, prefix := range []string{superviseEnv + "=", "PG", "MYSQL_", "NOTIFY_SOCKET="} {
			if len(kv) >= len(prefix) && kv[:len(prefix)] == prefix {
				return true
			}
		}
		return false
	})
}

// reap collects every child that has ended and reports whether there are others.
func (w *warden) reap() (others bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil: // ECHILD
			return false
		case pid == 0:
			return true
		case pid == w.pid:
			w.pid, w.exit = 0, exitText(status)
		}
	}
}

func exitText(status syscall.WaitStatus) string {
	switch {
	case status.Signaled():
		return "killed by signal: " + status.Signal().String()
	case status.ExitStatus() != 0:
		return "exit status " + strconv.Itoa(status.ExitStatus())
	}
	return ""
}

// wait returns when the server has ended, the test is gone or the time is over.
// No time means no limit.
func (w *warden) wait(limit time.Duration) {
	var over <-chan time.Time
	if limit > 0 {
		t := time.NewTimer(limit)
		defer t.Stop()
		over = t.C
	}
	for w.pid != 0 {
		select {
		case <-w.children:
			w.reap()
		case <-w.eof:
			return
		case <-over:
			return
		}
	}
}

// signalTree signals the server and all its descendants.
func (w *warden) signalTree(sig syscall.Signal) {
	for _, pid := range descendants(os.Getpid()) {
		_ = syscall.Kill(pid, sig) // gone already
	}
}

// freeze stops all processes. A process that is not yet stopped may start
// another one, therefore it looks again until there is none that it has not
// stopped.
func (w *warden) freeze() {
	stopped := map[int]bool{}
	for {
		found := false
		for _, pid := range descendants(os.Getpid()) {
			if !stopped[pid] {
				stopped[pid], found = true, true
				_ = syscall.Kill(pid, syscall.SIGSTOP)
			}
		}
		if !found {
			return
		}
	}
}

// killTree returns when no descendant is left.
func (w *warden) killTree() {
	for {
		w.freeze()
		w.signalTree(syscall.SIGKILL)
		if !w.reap() {
			return
		}
		t := time.NewTimer(2 * time.Millisecond)
		select {
		case <-w.children:
		case <-t.C:
		}
		t.Stop()
	}
}

// cleanup leaves nothing behind.
func (w *warden) cleanup() {
	if w.pid != 0 && w.quit != 0 {
		w.signalTree(syscall.SIGCONT)
		_ = syscall.Kill(w.pid, w.quit)
		w.eof = nil // it has closed, wait must not see it
		w.wait(3 * time.Second)
	}
	w.killTree()
	removeSharedMemory(w.dir)
	_ = os.RemoveAll(w.dir) // nobody is left to write to it, and nobody to tell
}
