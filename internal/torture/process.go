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

	// The driver of the writer processes.
	_ "github.com/vantage-go/live/dialects/sqlite"
)

// orderEnv is the environment variable that makes this program a helper.
const orderEnv = "LIVESQL_TORTURE"

// order is what a helper process is told to do.
type order struct {
	// Role is one of roles.
	Role string
	// File is the database.
	File string
	// Ledger is where a writer writes down what it does.
	Ledger string
	Seed   uint64
	// Lease is that of a live handle.
	Lease time.Duration
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

// dsn returns how every process of a run opens the database. Transactions take
// the write lock as they begin.
func dsn(file string) string {
	return file + "?_pragma=journal_mode(wal)&_pragma=synchronous(off)&_pragma=foreign_keys(1)&_pragma=busy_timeout(20000)&_txlock=immediate"
}

// writeProcess is another program that writes.
func writeProcess(ctx context.Context, o order) error {
	db, err := sql.Open("sqlite", dsn(o.File))
	if err != nil {
		return fmt.Errorf("torture: %w", err)
	}
	l, err := openLedger(o.Ledger)
	if err != nil {
		return err
	}
	w := &writer{db: db, rand: rand.New(rand.NewPCG(o.Seed, 1)), note: l.write, pause: foreignPause}
	return errors.Join(w.run(ctx), l.Close(), db.Close())
}
