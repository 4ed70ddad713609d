package torture

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"time"

	"github.com/vantage-go/live/livesql"
)

// orderEnv is the environment variable that makes this program a helper.
const orderEnv = "LIVESQL_TORTURE"

// order is what a helper process is told to do.
type order struct {
	// Role is one of roles.
	Role string
	// Engine is the name of the engine, DSN its database, Shape that of the
	// tables.
	Engine string
	DSN    string
	Shape  Shape
	// Ledger is where a writer writes down what it does.
	Ledger string
	Seed   uint64
	// Lease is that of a live handle.
	Lease time.Duration
	// Live: the writer goes through a live handle of its own.
	Live bool
	// Alters and Lasts are those of the writer.
	Alters, Lasts bool
}

// roles are what helper processes do until their context is done.
var roles = map[string]func(context.Context, order) error{
	"write": writeProcess,
	"watch": watchProcess,
	"poke":  pokeProcess,
}

// Main makes the program a helper process if it was started as one; then it
// does not return. A program that calls [Run] or [Stop] calls Main first of
// all.
func Main() {
	text := os.Getenv(orderEnv)
	if text == "" {
		return
	}
	// The one who gave the order closes the input when it wants an end, or
	// when it is gone.
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		err = roles[o.Role](ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// helper is a helper process.
type helper struct {
	cmd *exec.Cmd
	end io.Closer // its input
	out io.Reader
}

// start starts a helper. It ends when it is told to, or with this process.
func start(o order) (*helper, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("torture: %w", err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("torture: %w", err)
	}
	h := &helper{cmd: exec.CommandContext(context.Background(), program)}
	h.cmd.Env = append(os.Environ(), orderEnv+"="+string(text))
	h.cmd.Stderr = os.Stderr
	if h.end, err = h.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("torture: %w", err)
	}
	if h.out, err = h.cmd.StdoutPipe(); err != nil {
		return nil, fmt.Errorf("torture: %w", err)
	}
	if err := h.cmd.Start(); err != nil {
		return nil, fmt.Errorf("torture: starting a %s process: %w", o.Role, err)
	}
	return h, nil
}

// finish tells the helper to end and waits for it.
func (h *helper) finish() error {
	err := h.end.Close()
	if _, cerr := io.Copy(io.Discard, h.out); cerr != nil {
		err = errors.Join(err, cerr)
	}
	if werr := h.cmd.Wait(); werr != nil {
		err = errors.Join(err, fmt.Errorf("torture: a helper process: %w", werr))
	}
	return err
}

// kill ends the helper wherever it is just now.
func (h *helper) kill() error {
	if err := h.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("torture: killing a helper process: %w", err)
	}
	_ = h.finish() // it was killed
	return nil
}

// writeProcess is another program that writes.
func writeProcess(ctx context.Context, o order) (err error) {
	e := engines[o.Engine]
	l, err := openLedger(o.Ledger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	w := &writer{
		engine: e, shape: o.Shape, rand: rand.New(rand.NewPCG(o.Seed, 1)), note: l.write,
		pause: foreignPause, alters: o.Alters, lasts: o.Lasts,
	}
	if !o.Live {
		if w.db, err = sql.Open(e.driver, e.dsn(o.DSN)); err != nil {
			return fmt.Errorf("torture: %w", err)
		}
		return errors.Join(w.run(ctx), w.db.Close())
	}
	db, err := livesql.Open(ctx, e.dialects[1], e.dsn(o.DSN), livesql.Lease(o.Lease))
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	w.db = db.DB
	own := &ownWriter{
		writer: *w, tells: true,
		reader: reader{engine: e, db: db.DB, lease: o.Lease, questions: e.questions(o.Shape), rand: rand.New(rand.NewPCG(o.Seed, 2))},
	}
	return errors.Join(own.run(ctx), db.Close())
}

// uncached is a context whose reads go to the database.
func uncached(ctx context.Context) context.Context { return livesql.NoCache(ctx) }
