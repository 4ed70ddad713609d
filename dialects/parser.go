package dialects

import (
	"fmt"
	"slices"
	"sync"
)

// Parser is an exact parser of the statements of one flavor. Packages outside
// of this module bring one along and register it when they are imported; none
// is needed. Its methods may be called concurrently.
type Parser interface {
	// Parse returns what a text says. It is given no text that is longer than
	// 256 KB or nested more than 500 deep.
	Parse(text string) (Parsed, error)
}

// Parsed is what an exact parser tells of a text.
type Parsed struct {
	// Statements is the number of statements.
	Statements int
	// Reads reports that all of them are queries which neither write nor lock.
	Reads bool
	// Tables are those that the text names, without common table expressions,
	// as it spells them. The schema is empty where the text gives none.
	Tables []Table
	// Functions are those that the text calls, be it by an operator or clause
	// that stands for one.
	Functions []string
}

var parsers struct {
	sync.RWMutex
	byFlavor map[Flavor]Parser
}

// RegisterParser makes p a further opinion about the texts of a flavor. It can
// only narrow what is known without it: an answer that contradicts the words of
// a text keeps its results from being cached. It is for init functions; nil
// takes a parser away.
func RegisterParser(f Flavor, p Parser) {
	parsers.Lock()
	defer parsers.Unlock()
	if parsers.byFlavor == nil {
		parsers.byFlavor = make(map[Flavor]Parser)
	}
	if parsers.byFlavor[f] = p; p == nil {
		delete(parsers.byFlavor, f)
	}
}

// parseExactly asks the registered parser about a text. It returns false when
// there is none, or when it does not understand the text.
func parseExactly(f Flavor, text string) (parsed Parsed, ok bool) {
	parsers.RLock()
	p := parsers.byFlavor[f]
	parsers.RUnlock()
	if p == nil {
		return Parsed{}, false
	}
	defer func() {
		if recover() != nil {
			parsed, ok = Parsed{}, false // which says nothing about the text
		}
	}()
	parsed, err := p.Parse(text)
	return parsed, err == nil
}

// agree compares the clauses of a read, which may be nil, with what the
// registered parser says. It returns clauses that are no wider, and a conflict
// if the two cannot both be right.
func agree(flavor Flavor, text string, scan *Scan, c *clauses) (*clauses, string) {
	parsed, ok := parseExactly(flavor, text)
	switch {
	case !ok:
		return c, ""
	case !parsed.Reads || parsed.Statements != 1:
		return c, conflictStart + "a parser takes for more than a read what its words say is one"
	}
	exact := &clauses{}
	for _, t := range parsed.Tables {
		r := reference{schema: Fold(flavor, t.Schema), name: Fold(flavor, t.Name)}
		if !slices.Contains(scan.Names, r.name) {
			return c, fmt.Sprintf("%sa parser finds the table %s, which its words do not name", conflictStart, t)
		}
		if c != nil && !slices.ContainsFunc(c.refs, func(known reference) bool { return known.name == r.name }) {
			return c, fmt.Sprintf("%sa parser finds the table %s, which its clauses do not name", conflictStart, t)
		}
		exact.refs = append(exact.refs, r)
	}
	if c == nil {
		c = exact
	}
	return c, ""
}
