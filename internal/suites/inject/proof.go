package inject

import (
	sqldriver "database/sql/driver"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Proof is what one process tells of the wrapper in it. It is a lower bound:
// the process may end without writing its last counts.
type Proof struct {
	Conns      int      // wrapped connections that database/sql got
	Type       string   // dynamic type of the first of them
	Statements int      // texts that the observing session classified
	Rows       int      // rows that the observing session wrapped
	Hits       uint64   // reads that caches answered from memory
	Stores     uint64   // results that they stored
	Compared   uint64   // answers from memory that were those of the database
	Uncovered  []string // why reads could not be kept that were waited for
	Broken     []string // how the wrapper broke the contract of its seam, and livesql that of its cache
}

// ledger collects the proof of this process.
type ledger struct {
	mu    sync.Mutex // guards the fields below
	file  *os.File
	proof Proof
}

// evidence is the proof of this process.
var evidence ledger

// most is how many different breaches and reasons are kept.
const most = 20

func (l *ledger) open(dir string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.json", os.Getpid())))
	l.file = f
	return err
}

func (l *ledger) connected(c sqldriver.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := c.(interface{ Unwrap() sqldriver.Conn }); !ok {
		return
	}
	if l.proof.Conns++; l.proof.Type == "" {
		l.proof.Type = fmt.Sprintf("%T", c)
	}
	l.save()
}

func (l *ledger) classified() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proof.Statements++
	l.saveIfRound(l.proof.Statements)
}

func (l *ledger) wrapped() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.proof.Rows++
	l.saveIfRound(l.proof.Rows)
}

// Cached adds what a cache did.
func Cached(hits, stores uint64) {
	evidence.mu.Lock()
	defer evidence.mu.Unlock()
	evidence.proof.Hits += hits
	evidence.proof.Stores += stores
	evidence.save()
}

// Compared counts an answer from memory that was that of the database.
func Compared() {
	evidence.mu.Lock()
	defer evidence.mu.Unlock()
	evidence.proof.Compared++
}

// Uncovered notes why a read could not be kept although it was waited for.
func Uncovered(why string) {
	evidence.mu.Lock()
	defer evidence.mu.Unlock()
	if len(evidence.proof.Uncovered) < most && !slices.Contains(evidence.proof.Uncovered, why) {
		evidence.proof.Uncovered = append(evidence.proof.Uncovered, why)
		evidence.save()
	}
}

// Broken notes a breach.
func Broken(what string) { evidence.broken(what) }

func (l *ledger) broken(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.proof.Broken) < most && !slices.Contains(l.proof.Broken, what) {
		l.proof.Broken = append(l.proof.Broken, what)
		l.save()
	}
}

// saveIfRound saves now and then: counts change far too often.
func (l *ledger) saveIfRound(n int) {
	if n&(n-1) == 0 {
		l.save()
	}
}

// save writes the proof over the one before, which is never longer.
func (l *ledger) save() {
	content, err := json.Marshal(l.proof)
	if err == nil {
		_, err = l.file.WriteAt(append(content, '\n'), 0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "livesql: proof:", err)
	}
}
