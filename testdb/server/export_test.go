//go:build unix

package server

import (
	"context"
	"time"
)

// Supervised is what a test of the clean-up needs to know about a server.
type Supervised struct {
	Supervisor int // process
	Dir        string
}

// SharedServers are the servers that the test binary shares.
func SharedServers() []Supervised {
	var all []Supervised
	for _, i := range []*instance{sharedPostgres.server.i, sharedMariaDB.server.i, sharedRedis.i} {
		all = append(all, supervisedInstance(i))
	}
	return all
}

// SupervisedServer describes the server that a test owns.
func SupervisedServer(s *Server) Supervised { return supervisedInstance(s.i) }

func supervisedInstance(i *instance) Supervised {
	return Supervised{Supervisor: i.sup.cmd.Process.Pid, Dir: i.dir}
}

// PostgresStartup is how long the shared server took to start.
func PostgresStartup() time.Duration { return sharedPostgres.startup }

// Descendants lists the processes below one.
func Descendants(pid int) []int { return descendants(pid) }

// Finder is a finder for a made-up server.
func Finder(env string, scattered bool, globs ...string) func(dir string) ([]string, error) {
	return finder{
		engine:   "Example",
		pkg:      "example-server",
		env:      env,
		programs: [][]string{{"example-init"}, {"exampled", "exampled-old"}},
		globs:    globs,

		scattered: scattered,
	}.find
}

// RemoveSharedMemory is the part of the clean-up that removing the directory of a
// PostgreSQL server does not do.
func RemoveSharedMemory(dir string) { removeSharedMemory(dir) }

// Unowned is a PostgreSQL server that nobody cleans up.
func Unowned(ctx context.Context) (*Server, error) {
	eng, err := newPostgres("")
	if err != nil {
		return nil, err
	}
	return launch(ctx, "postgres", eng, nil)
}

// Remove cleans up such a server.
func Remove(s *Server) error { return s.i.sup.close() }

// Process is any program under a supervisor.
type Process struct{ sup *supervisor }

// Supervise starts a program as if it were a server.
func Supervise(ctx context.Context, argv ...string) (Process, error) {
	sup, err := startSupervisor(ctx, "any", false)
	if err != nil {
		return Process{}, err
	}
	_, err = sup.do(request{Op: opStart, Command: &command{Argv: argv, Dir: sup.dir, Log: sup.dir + "/log"}})
	return Process{sup: sup}, err
}

// Supervised describes the process.
func (p Process) Supervised() Supervised {
	return Supervised{Supervisor: p.sup.cmd.Process.Pid, Dir: p.sup.dir}
}

// Kill is Server.Kill.
func (p Process) Kill() error {
	_, err := p.sup.do(request{Op: opKill})
	return err
}

// Close cleans up.
func (p Process) Close() error { return p.sup.close() }

// FreePort picks a port as the servers do.
func FreePort(ctx context.Context) (int, error) { return freePort(ctx) }

// StartPostgres starts a server whose port comes from pick.
func StartPostgres(ctx context.Context, pick func() (int, error)) (addr string, cleanUp func() error, err error) {
	return startPicked(ctx, newPostgres, pick)
}

// StartMariaDB starts a server whose port comes from pick.
func StartMariaDB(ctx context.Context, pick func() (int, error)) (addr string, cleanUp func() error, err error) {
	return startPicked(ctx, newMariaDB, pick)
}

// StartRedis starts a server whose port comes from pick.
func StartRedis(ctx context.Context, pick func() (int, error)) (addr string, cleanUp func() error, err error) {
	paths, err := findRedis.find("")
	if err != nil {
		return "", nil, err
	}
	i, err := newInstance(ctx, "redis", redis{path: paths[0]}, nil)
	if err != nil {
		return "", nil, err
	}
	i.pickPort = func(context.Context) (int, error) { return pick() }
	return i.addrAfter(i.start(ctx))
}

func startPicked(ctx context.Context, find func(string) (engine, error), pick func() (int, error)) (string, func() error, error) {
	eng, err := find("")
	if err != nil {
		return "", nil, err
	}
	i, err := newInstance(ctx, "picked", eng, nil)
	if err != nil {
		return "", nil, err
	}
	i.pickPort = func(context.Context) (int, error) { return pick() }
	if err := eng.initialize(ctx, i); err != nil {
		return "", i.sup.close, err
	}
	return i.addrAfter(i.start(ctx))
}

func (i *instance) addrAfter(err error) (string, func() error, error) {
	return i.addr(), i.sup.close, err
}
