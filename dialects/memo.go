package dialects

import "sync"

// Memo remembers analyses by the templates of their texts: programs that write
// values into their statements, or comments that differ each time, use few
// templates. It is bounded, and safe for concurrent use.
//
// A template is compared as a whole. Literals that functions, types or casts
// make something of, and strings that may be names, are part of it.
type Memo struct {
	flavor Flavor
	limit  int

	mu sync.Mutex
	// young and old hold templates; when young is full, it becomes old.
	young, old map[string]*Analysis

	templates sync.Pool
}

// NewMemo returns a memo of at most limit templates.
func NewMemo(flavor Flavor, limit int) *Memo {
	return &Memo{
		flavor: flavor, limit: max(limit/2, 1), young: make(map[string]*Analysis),
		templates: sync.Pool{New: func() any { return new(template) }},
	}
}

// Analyze returns the analysis of text under the catalogue of that version:
// the remembered one of another text with the same template, with the literals
// of text in its pins, or what analyze returns. Analyses that come with an
// error, or are of another version, are not remembered.
func (m *Memo) Analyze(text string, version uint64, analyze func() (*Analysis, error)) (*Analysis, error) {
	t := m.templates.Get().(*template)
	defer m.put(t)
	if !templateOf(m.flavor, text, t) {
		return analyze()
	}
	if a := m.find(t.key, version); a != nil {
		return t.filled(a), nil
	}
	a, err := analyze()
	if err == nil && a != nil && a.Version == version {
		m.add(string(t.key), a)
	}
	return a, err
}

func (m *Memo) put(t *template) {
	const most = 4096 // tokens worth keeping room for
	if t.text = ""; cap(t.toks) <= most {
		m.templates.Put(t)
	}
}

func (m *Memo) find(key []byte, version uint64) *Analysis {
	m.mu.Lock()
	defer m.mu.Unlock()
	a := m.young[string(key)]
	if a == nil {
		if a = m.old[string(key)]; a != nil && a.Version == version {
			m.addLocked(string(key), a)
		}
	}
	if a == nil || a.Version != version {
		return nil
	}
	return a
}

func (m *Memo) add(key string, a *Analysis) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addLocked(key, a)
}

func (m *Memo) addLocked(key string, a *Analysis) {
	if len(m.young) >= m.limit {
		m.old, m.young = m.young, make(map[string]*Analysis, m.limit)
	}
	m.young[key] = a
}

// filled returns the analysis of another text with the same template with the
// literals of this one.
func (t *template) filled(a *Analysis) *Analysis {
	if !hasLiterals(a.Pins) && !hasLiterals(a.Touches) {
		return a
	}
	b := *a
	b.Pins, b.Touches = t.fill(a.Pins), t.fill(a.Touches)
	return &b
}

func hasLiterals(pins []Pin) bool {
	for i := range pins {
		for _, row := range pins[i].Rows {
			for k := range row {
				if row[k].literal > 0 {
					return true
				}
			}
		}
	}
	return false
}
