//go:build unix

package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// supervisor is the test's side of the pipe to a supervising process, described
// in supervise.go. It is safe for concurrent use.
type supervisor struct {
	dir     string // everything the server writes; removed by the supervisor
	cmd     *exec.Cmd
	in      *os.File // requests; its closing is the order to clean up
	out     *os.File
	replies *bufio.Reader
	turn    chan struct{} // holds one token: one request at a time, none after close
}

// startSupervisor makes a new directory and starts a supervisor for it. What is to
// survive a power cut is on a disk.
func startSupervisor(ctx context.Context, name string, onDisk bool) (*supervisor, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("server: find the test binary: %w", err)
	}
	dir, err := os.MkdirTemp(place(onDisk), "livesql-"+name+"-")
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s, err := spawn(ctx, self, dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("server: start the supervisor: %w", err), os.RemoveAll(dir))
	}
	return s, nil
}

func spawn(ctx context.Context, self, dir string) (s *supervisor, err error) {
	stdin, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdin.Close()
	out, stdout, err := os.Pipe()
	if err != nil {
		in.Close()
		return nil, err
	}
	defer stdout.Close()
	defer func() {
		if err != nil {
			in.Close()
			out.Close()
		}
	}()
	stderr, err := os.Create(filepath.Join(dir, "supervisor.log"))
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	// The context ends the start-up only, and the supervisor must not hold the
	// test's own standard output, for whose end "go test" waits.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), self)
	cmd.Env = append(os.Environ(), superviseEnv+"="+dir)
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s = &supervisor{dir: dir, cmd: cmd, in: in, out: out, replies: bufio.NewReader(out), turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s, nil
}

// place is where servers have their directories: in memory, if there is plenty
// and TMPDIR does not say otherwise, because a database of PostgreSQL is some 300
// files, which a file system on a disk takes three times as long to make. The path
// of a Unix socket may have no more than about 100 bytes.
func place(onDisk bool) string {
	dir, said := os.LookupEnv("TMPDIR")
	switch {
	case !said && !onDisk && roomy():
		return memory
	case len(dir) > 40:
		return "/tmp"
	}
	return dir // os.MkdirTemp knows what "" means
}

// do sends one request and returns the reply to it.
func (s *supervisor) do(r request) (reply, error) {
	if _, open := <-s.turn; !open {
		return reply{}, errClosed
	}
	defer func() { s.turn <- struct{}{} }()
	line, err := json.Marshal(r)
	if err != nil {
		return reply{}, err
	}
	if _, err := s.in.Write(append(line, '\n')); err != nil {
		return reply{}, fmt.Errorf("server: %s: the supervisor is gone: %w", r.Op, err)
	}
	line, err = s.replies.ReadBytes('\n')
	if err != nil {
		return reply{}, fmt.Errorf("server: %s: the supervisor is gone: %w", r.Op, err)
	}
	var rep reply
	if err := json.Unmarshal(line, &rep); err != nil {
		return reply{}, fmt.Errorf("server: %s: %w", r.Op, err)
	}
	if rep.Err != "" {
		return rep, fmt.Errorf("server: %s: %s", r.Op, rep.Err)
	}
	return rep, nil
}

var errClosed = errors.New("server: the server has been removed at the end of its test")

// run executes a program to its end. A program that fails makes an error with
// the end of what it printed.
func (s *supervisor) run(c command) error {
	rep, err := s.do(request{Op: opRun, Command: &c})
	if err != nil {
		return err
	}
	if rep.Exit != "" {
		return fmt.Errorf("server: %s: %s\n%s", filepath.Base(c.Argv[0]), rep.Exit, tail(c.Log))
	}
	return nil
}

// wait returns when the server has ended, or with the context's error.
func (s *supervisor) wait(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("server: wait for the end of the server: %w", err)
		}
		rep, err := s.do(request{Op: opWait, Wait: 100 * time.Millisecond})
		if err != nil {
			return err
		}
		if !rep.Running {
			return nil
		}
	}
}

// close has the supervisor kill the server and remove the directory, and waits
// until both are done. Further calls do nothing.
func (s *supervisor) close() error {
	if _, open := <-s.turn; !open {
		return nil
	}
	close(s.turn)
	s.in.Close()
	err := s.cmd.Wait()
	s.out.Close()
	if err != nil {
		return fmt.Errorf("server: the supervisor failed: %w", err)
	}
	return nil
}

// tail returns the end of a log file.
func tail(path string) string {
	const limit = 4096
	b, err := os.ReadFile(path)
	if err != nil {
		return "no log: " + err.Error()
	}
	if len(b) > limit {
		b = append([]byte("…"), b[len(b)-limit:]...)
	}
	return string(b)
}
