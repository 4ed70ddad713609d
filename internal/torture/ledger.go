package torture

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// entry is one line of a ledger. A transaction has two: one is written before
// COMMIT is sent, with the contents that it leaves behind in its lane, and one
// after it was acknowledged, or after the server has said that it did not
// happen. A writer that is killed in between leaves the first alone.
type entry struct {
	Lane    int64  `json:"l,omitempty"`
	Version int64  `json:"v"`
	Before  int64  `json:"b,omitempty"`
	After   int64  `json:"a,omitempty"`
	Undone  bool   `json:"u,omitempty"`
	State   *state `json:"s,omitempty"`
	// Read is what a writer with a handle of its own read through it.
	Read *read `json:"q,omitempty"`
	// RolledBack counts the transactions since the entry before that were
	// rolled back.
	RolledBack int `json:"r,omitempty"`
}

// ledger is what one writer has done. Every entry reaches the file at once: the
// writer may be killed.
type ledger struct {
	file *os.File
}

func openLedger(path string) (*ledger, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("torture: opening a ledger: %w", err)
	}
	return &ledger{f}, nil
}

func (l *ledger) write(e entry) error {
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if err != nil {
		return fmt.Errorf("torture: writing a ledger: %w", err)
	}
	return nil
}

func (l *ledger) Close() error { return l.file.Close() }

// readLedger returns the entries of a ledger. A last line that is not whole is
// that of a writer that was killed while it wrote it, before COMMIT was sent
// or after it was acknowledged.
func readLedger(path string) (entries []entry, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // a writer that was killed before it wrote anything
	}
	if err != nil {
		return nil, fmt.Errorf("torture: reading a ledger: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				return entries, nil
			}
			return nil, fmt.Errorf("torture: reading a ledger: %w", err)
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, fmt.Errorf("torture: reading a ledger: %w", err)
		}
		entries = append(entries, e)
	}
}
