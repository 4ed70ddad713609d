//go:build unix

package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/vantage-go/live/internal/wait"
)

// dataDir is where, inside a server's directory, its data are.
const dataDir = "data"

// startTimeout bounds the start of a server. It is far above what a start
// takes, so that a busy machine does not break tests.
const startTimeout = 90 * time.Second

// program is one kind of server process.
type program interface {
	// command is how the server is started, after its configuration was written.
	command(i *instance) (command, error)
	// ping succeeds when the server answers.
	ping(ctx context.Context, i *instance) error
	// stopSignal asks for a clean and prompt end.
	stopSignal() syscall.Signal
}

// instance is one server process with its directory, port and supervisor.
type instance struct {
	program
	name string
	sup  *supervisor
	dir  string
	log  string

	pickPort func(context.Context) (int, error)

	turn chan struct{} // holds one token: start, stop, kill and so on go one by one

	mu       sync.Mutex // guards the rest
	port     int
	settings map[string]string
}

// newInstance starts a supervisor for a server; the server itself does not run yet.
func newInstance(ctx context.Context, name string, p program, settings map[string]string) (*instance, error) {
	sup, err := startSupervisor(ctx, name, flushes(settings))
	if err != nil {
		return nil, err
	}
	i := &instance{
		program:  p,
		name:     name,
		sup:      sup,
		dir:      sup.dir,
		log:      filepath.Join(sup.dir, "server.log"),
		pickPort: freePort,
		turn:     make(chan struct{}, 1),
		settings: map[string]string{},
	}
	i.turn <- struct{}{}
	i.set(settings)
	return i, nil
}

// flushes reports whether settings make commits wait for the disk, which in memory
// there is none of: tests and benchmarks that want it want to wait.
func flushes(settings map[string]string) bool {
	for name, value := range settings {
		switch strings.ReplaceAll(name, "-", "_") { // MariaDB takes either
		case "fsync":
			if value == "on" {
				return true
			}
		case "innodb_flush_log_at_trx_commit":
			if value == "1" {
				return true
			}
		}
	}
	return false
}

// takeTurn waits until no other change of the server's state is under way. The
// caller gives the turn back.
func (i *instance) takeTurn() (giveBack func()) {
	<-i.turn
	return func() { i.turn <- struct{}{} }
}

func (i *instance) data() string { return filepath.Join(i.dir, dataDir) }

func (i *instance) addr() string { return loopback(i.tcpPort()) }

func (i *instance) tcpPort() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.port
}

func (i *instance) set(settings map[string]string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.Copy(i.settings, settings)
}

func (i *instance) currentSettings() map[string]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.settings)
}

// start starts the server and returns when it answers. The first start picks
// the port, and another one if somebody was faster; later starts keep it.
func (i *instance) start(ctx context.Context) error {
	defer i.takeTurn()()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	first := i.tcpPort() == 0
	for {
		if first {
			port, err := i.pickPort(ctx)
			if err != nil {
				return err
			}
			i.mu.Lock()
			i.port = port
			i.mu.Unlock()
		}
		err := i.startOnce(ctx)
		if !errors.Is(err, errPortTaken) {
			return err
		}
		if !first {
			// Its own port, which a connection of a moment ago may still hold.
			if err := wait.For(ctx, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
}

// errPortTaken says that the server ended because it could not listen.
var errPortTaken = errors.New("the port is taken")

func (i *instance) startOnce(ctx context.Context) error {
	c, err := i.command(i)
	if err != nil {
		return err
	}
	c.Log = i.log
	c.Dir = i.dir
	seen := int64(0)
	if info, err := os.Stat(i.log); err == nil {
		seen = info.Size()
	}
	if _, err := i.sup.do(request{Op: opStart, Command: &c}); err != nil {
		return err
	}
	for {
		pingErr := i.ping(ctx, i)
		if pingErr == nil {
			return i.checkAlive(seen)
		}
		if err := i.checkAlive(seen); err != nil {
			return err
		}
		if err := wait.For(ctx, 5*time.Millisecond); err != nil {
			_, killErr := i.sup.do(request{Op: opKill})
			return errors.Join(fmt.Errorf("server: start %s: %w; the last answer was: %w\n%s", i.name, err, pingErr, tail(i.log)), killErr)
		}
	}
}

// checkAlive fails when the server has ended. It is also asked after an answer,
// which may have come from a stranger on the same port.
func (i *instance) checkAlive(logged int64) error {
	rep, err := i.sup.do(request{Op: opSignal, Signal: 0})
	if err != nil {
		return err
	}
	if rep.Running {
		return nil
	}
	if strings.Contains(logSince(i.log, logged), "Address already in use") {
		return fmt.Errorf("server: start %s: %w", i.name, errPortTaken)
	}
	return fmt.Errorf("server: start %s: it ended: %s\n%s", i.name, rep.Exit, tail(i.log))
}

func logSince(path string, offset int64) string {
	b, err := os.ReadFile(path)
	if err != nil || int64(len(b)) < offset {
		return ""
	}
	return string(b[offset:])
}

// stop ends the server in good order. A server that does not run is no error.
func (i *instance) stop(ctx context.Context) error {
	defer i.takeTurn()()
	if _, err := i.sup.do(request{Op: opThaw}); err != nil {
		return err
	}
	if _, err := i.sup.do(request{Op: opSignal, Signal: i.stopSignal()}); err != nil {
		return err
	}
	return i.sup.wait(ctx)
}

// kill ends the server and all its processes with SIGKILL and waits for their end.
func (i *instance) kill() error {
	defer i.takeTurn()()
	_, err := i.sup.do(request{Op: opKill})
	return err
}

// freeze stops all processes of the server where they are.
func (i *instance) freeze() error {
	defer i.takeTurn()()
	_, err := i.sup.do(request{Op: opFreeze})
	return err
}

// thaw lets them go on.
func (i *instance) thaw() error {
	defer i.takeTurn()()
	_, err := i.sup.do(request{Op: opThaw})
	return err
}

// pid is the main process of the server, 0 if it does not run.
func (i *instance) pid() (int, error) {
	rep, err := i.sup.do(request{Op: opSignal, Signal: 0})
	return rep.PID, err
}

// give makes a file or directory tree the property of the server's user.
func give(root string, uid, gid uint32) error {
	if uid == 0 {
		return nil
	}
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(uid), int(gid))
	})
}
