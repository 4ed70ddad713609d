//go:build unix

package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"
)

// Pause is what Stop found.
type Pause struct {
	// Stopped and Continued are when the watching process was stopped and
	// continued.
	Stopped, Continued int64
	// Written is the transaction that another process committed meanwhile.
	Written Sight
	// Before is a read from memory before the stop. After are those that ended
	// after it, of which the first may have begun before it.
	Before Sight
	After  []Sight
}

// Problem says what was wrong, or nothing.
func (p *Pause) Problem() string {
	if !p.Before.Hit {
		return "the process never read from its memory"
	}
	fresh := false // a read has asked the database after the stop
	for _, s := range p.After {
		fresh = fresh || !s.Hit
		switch {
		case s.Start < p.Continued:
		case !fresh:
			return fmt.Sprintf("the first read after the stop came from memory: %+v", s)
		case s.Version != p.Written.Version:
			return fmt.Sprintf("a read after the stop returned version %d, the database holds %d", s.Version, p.Written.Version)
		}
	}
	if !fresh {
		return "no read asked the database after the stop"
	}
	return ""
}

// Stop stops a process that reads from its memory, for d, lets another process
// write meanwhile, and tells what the first one read afterwards. The error says
// that the experiment itself failed.
func Stop(ctx context.Context, dir string, d, lease time.Duration) (_ *Pause, err error) {
	file := filepath.Join(dir, "stop.db")
	if err := SQLite.create(ctx, file, shapeOf(1)); err != nil {
		return nil, err
	}
	h, err := start(order{Role: "watch", DSN: file, Lease: lease})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, h.finish()) }()
	in := json.NewDecoder(h.out)
	p := &Pause{}
	if err := in.Decode(&p.Before); err != nil {
		return nil, fmt.Errorf("torture: waiting for a read from memory: %w", err)
	}
	if err := h.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return nil, fmt.Errorf("torture: stopping a process: %w", err)
	}
	over := time.NewTimer(d)
	defer over.Stop()
	p.Stopped = now()
	perr := p.write(file)
	<-over.C
	p.Continued = now()
	if err := errors.Join(perr, h.cmd.Process.Signal(syscall.SIGCONT)); err != nil {
		return nil, fmt.Errorf("torture: continuing a process: %w", err)
	}
	for len(p.After) < reportAfter {
		var s Sight
		if err := in.Decode(&s); err != nil {
			return nil, fmt.Errorf("torture: waiting for a read after the stop: %w", err)
		}
		if s.End >= p.Continued {
			p.After = append(p.After, s)
		}
	}
	return p, nil
}

// write has another process write.
func (p *Pause) write(file string) error {
	h, err := start(order{Role: "poke", DSN: file})
	if err != nil {
		return err
	}
	err = json.NewDecoder(h.out).Decode(&p.Written)
	return errors.Join(err, h.finish())
}
