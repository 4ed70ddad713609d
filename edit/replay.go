package edit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Replayable is an [Editor], whose table [Writer.Replay] replays.
type Replayable interface {
	replayable() (t *Table, keyOf func(row any) (any, error))
}

func (d *Editor[K, T]) replayable() (*Table, func(any) (any, error)) { return d.table, d.keyOf }

// Replayed is what became of a save that was left in the outbox.
type Replayed struct {
	ID     string
	Table  string
	Kind   OpKind
	Key    any            // nil for a new record that has none
	Values map[string]any // what was to be written
	Result ResultKind     // how it was saved, 0 if it was not
	Err    error          // why not, or in part only; nil if all is as it should be

	part *part
}

// Replay saves what is left in the outbox from before, each save once, and
// returns what became of them in the order in which they were accepted. What
// may have been done already is looked up first; what others have changed since
// is merged, or is a conflict. Saves that are refused stay in the outbox until
// [Writer.Discard]; [Editor.Reopen] makes a session of one.
//
// It needs the editors of all tables: a save of another stays where it is, with
// [ErrSchemaChanged]. The error is that of the outbox or of the context; what has
// not ended then is replayed by another Replay in this process or the next one.
func (w *Writer) Replay(ctx context.Context, editors ...Replayable) ([]Replayed, error) {
	if w.journal == nil {
		return nil, nil
	}
	w.stateMu.Lock()
	again := w.journal.replayed
	w.stateMu.Unlock()
	if again {
		return nil, errors.New("edit: outbox replayed already")
	}
	kept, err := w.journal.outbox.Load()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	p := &playback{writer: w, by: make(map[string]*track), boxes: make(map[string]*inbox), chains: make(map[any]*track)}
	for _, e := range kept {
		p.tracks = append(p.tracks, p.read(e, editors))
	}
	for _, t := range p.tracks {
		if t.err == nil {
			t.fail(p.refer(t))
		}
	}
	if err := p.run(ctx); err != nil {
		return nil, err
	}
	w.stateMu.Lock()
	w.journal.replayed = true
	w.stateMu.Unlock()
	all := make([]Replayed, len(p.tracks))
	for i, t := range p.tracks {
		all[i] = t.result()
		w.close(t.box())
	}
	return all, nil
}

// Discard drops saves from the outbox that were refused when they were
// replayed.
func (w *Writer) Discard(saves ...Replayed) error {
	ids := make([]string, len(saves))
	for i := range saves {
		ids[i] = saves[i].ID
	}
	if w.journal == nil || len(ids) == 0 {
		return nil
	}
	if err := w.journal.outbox.Write(nil, ids); err != nil {
		return fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	return nil
}

// Reopen opens a session on the draft of a save that was refused when it was
// replayed: V is what was to be saved, the snapshot what that was made on.
// [RecordEdit.RefreshSnapshot] shows what others have made of the record. The
// save stays in the outbox until [Writer.Discard].
func (d *Editor[K, T]) Reopen(r Replayed) (*RecordEdit[K, T], error) {
	if r.part == nil || r.part.table != d.table {
		return nil, fmt.Errorf("edit: %s: not a save of this table", d.table.Name)
	}
	if r.Kind == Insert {
		e := d.New(*r.part.typed.(*T))
		return e, nil
	}
	key, _ := r.Key.(K)
	e, err := d.start(key, d.table.plan.Clone(r.part.base))
	if err != nil {
		return nil, err
	}
	if newest := e.s.snap; !d.table.sameRow(newest, r.part.base) {
		e.s.snap, e.s.theirs, e.s.conflicted = d.table.plan.Clone(r.part.base), newest, true
		d.table.plan.CopyAll(&e.V, r.part.base)
	}
	d.table.plan.CopyIn(&e.V, r.part.typed, r.part.asked)
	return e, nil
}

func (t *Table) sameRow(a, b any) bool {
	differ := t.plan.Diff(a, b)
	return differ.Empty()
}

// playback replays an outbox: the saves of one record one after the other,
// those of different records together.
type playback struct {
	writer *Writer
	tracks []*track
	by     map[string]*track // by ID
	boxes  map[string]*inbox // by session
	chains map[any]*track    // the last track of each record
}

// track is one save of the outbox.
type track struct {
	entry  entry
	part   *part
	prev   *track // the save of the same record before this one
	after  *track // the save that makes the record
	links  map[int]*track
	played bool
	ended  bool
	err    error
}

func (p *playback) read(kept OutboxEntry, editors []Replayable) *track {
	t := &track{}
	t.entry.id = kept.ID
	p.by[kept.ID] = t
	if err := json.Unmarshal(kept.Data, &t.entry); err != nil {
		t.fail(fmt.Errorf("%w: %w", ErrOutbox, err))
		return t
	}
	for _, e := range editors {
		if table, keyOf := e.replayable(); table.Name == t.entry.Table && table.Schema == t.entry.Schema {
			t.fail(p.make(t, table, keyOf))
			return t
		}
	}
	t.fail(fmt.Errorf("%w: no editor of table %s", ErrSchemaChanged, t.entry.Table))
	return t
}

func (t *track) fail(err error) {
	if err != nil {
		t.err, t.played, t.ended = err, true, true
	}
}

// make makes the save again.
func (p *playback) make(t *track, table *Table, keyOf func(any) (any, error)) error {
	e := &t.entry
	base, err := rowOf(table, e.Base)
	if err != nil {
		return err
	}
	row, err := rowOf(table, e.Row)
	if err != nil {
		return err
	}
	s := &part{
		id: e.id, kind: e.Kind, table: table, base: base, typed: row, row: row, policy: table.policy, queued: e.Queued,
		kept: true, replay: true, pending: new(pending),
	}
	for _, name := range e.Set {
		if i, ok := table.plan.Index(name); ok {
			s.set.Set(i)
		}
	}
	s.asked = s.set
	if s.kind == Delete {
		s.typed = base
	}
	if i, ok := table.plan.Version(); ok && s.kind == Insert {
		s.asked.Clear(i)
		if s.set.Has(i) && table.plan.Zero(row, i) {
			s.own()
			if err := table.plan.SetValue(s.row, i, int64(1)); err != nil {
				return err
			}
		}
	}
	t.part = s
	var chain any
	switch {
	case e.After != "" && p.by[e.After] != nil:
		t.after = p.by[e.After]
		chain = t.after
		t.prev = p.chains[chain]
	case e.Kind == Insert:
		chain = t
		if s.box, _, err = p.writer.open(opening{table: table, isNew: true, keyOf: keyOf}); err != nil {
			return err
		}
	default:
		key, err := keyOf(base)
		if err != nil {
			return err
		}
		if s.box = p.boxes[e.Session]; s.box == nil {
			if s.box, _, err = p.writer.open(opening{table: table, key: key, row: base, keyOf: keyOf}); err != nil {
				return err
			}
			p.boxes[e.Session] = s.box
		}
		chain = recordKey{table, key}
		t.prev = p.chains[chain]
	}
	p.chains[chain] = t
	return nil
}

// refer finds the saves that make what a save refers to.
func (p *playback) refer(t *track) error {
	for name, id := range t.entry.Links {
		i, ok := t.part.table.plan.Index(name)
		if !ok {
			return fmt.Errorf("%w: no column %s", ErrSchemaChanged, name)
		}
		parent := p.by[id]
		if parent == nil || parent.part == nil {
			return fmt.Errorf("%w: the record that it refers to is not in the outbox", ErrDependency)
		}
		if t.links == nil {
			t.links = make(map[int]*track)
		}
		t.links[i] = parent
	}
	return nil
}

// run plays the tracks in rounds: in each, those whose predecessors have
// ended.
func (p *playback) run(ctx context.Context) error {
	for {
		var round []*track
		for _, t := range p.tracks {
			if t.ready() {
				round = append(round, t)
			}
		}
		round = p.wholeGroups(round)
		if len(round) == 0 {
			for _, t := range p.tracks {
				if !t.played {
					t.fail(fmt.Errorf("%w: saves of the outbox wait for each other", ErrDependency))
				}
			}
			return nil
		}
		played := make(map[*track]bool)
		for _, t := range round {
			if played[t] {
				continue
			}
			members := []*track{t}
			for _, u := range round {
				if u != t && t.entry.Group != "" && u.entry.Group == t.entry.Group {
					members = append(members, u)
				}
			}
			for _, m := range members {
				played[m], m.played = true, true
			}
			p.play(ctx, members)
		}
		for _, t := range round {
			if t.err != nil {
				continue
			}
			select {
			case <-t.part.pending.end():
				t.ended = true
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := p.settle(round); err != nil {
			return err
		}
	}
}

// settle drops the saves of a round that were done from the outbox. In the same
// write goes what that means to those behind them: a process that ends in the
// middle of a replay must leave nothing that refers to what is not there.
func (p *playback) settle(round []*track) error {
	done := make(map[*track]bool)
	var remove []string
	for _, t := range round {
		if t.wellEnded() {
			done[t] = true
			remove = append(remove, t.entry.id)
		}
	}
	if len(remove) == 0 {
		return nil
	}
	var add []OutboxEntry
	for _, t := range p.tracks {
		if t.played || !t.follow(p, done) {
			continue
		}
		e, err := t.encode()
		if err != nil {
			return err
		}
		add = append(add, e)
	}
	if err := p.writer.journal.outbox.Write(add, remove); err != nil {
		return fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	return nil
}

// wellEnded reports whether the database holds the save.
func (t *track) wellEnded() bool {
	return t.ended && t.err == nil && (t.part.pending.err == nil || errors.Is(t.part.pending.err, ErrPartial))
}

// follow brings a save up to what those before it have done, and reports
// whether that changed it.
func (t *track) follow(p *playback, done map[*track]bool) bool {
	s := t.part
	changed := false
	if t.after != nil && done[t.after] {
		s.box = t.after.part.box
		t.after, t.entry.After, changed = nil, "", true
	}
	var behind []string
	for _, id := range t.entry.Behind {
		before := p.by[id]
		if before == nil || !done[before] || before.part.pending.outcome.row == nil {
			behind = append(behind, id)
			continue
		}
		q := before.part
		wrote := &sent{row: q.typed, set: q.asked, stored: q.pending.outcome.row, parts: []*part{q}}
		if q.kind == Insert {
			wrote.set = q.table.plan.All()
		}
		s.over = wrote
		s.base, changed = s.overtaken(), true
	}
	t.entry.Behind = behind
	if s.kind == Delete {
		s.typed = s.base
	}
	for i, parent := range t.links {
		if !done[parent] || parent.part.pending.outcome.row == nil {
			continue
		}
		key := parent.part.table.keyParts(parent.part.pending.outcome.row)
		if len(key) != 1 || s.table.plan.SetValue(s.typed, i, key[0]) != nil || s.table.plan.SetValue(s.row, i, key[0]) != nil {
			continue
		}
		s.set.Set(i)
		s.asked.Set(i)
		delete(t.links, i)
		delete(t.entry.Links, s.table.plan.Fields()[i].Name)
		changed = true
	}
	return changed
}

// encode is the save as it goes back into the outbox.
func (t *track) encode() (OutboxEntry, error) {
	s := t.part
	t.entry.Set = s.table.plan.Names(s.set)
	d := draft{part: s, entry: t.entry, base: s.base, row: s.typed}
	data, err := d.encode()
	return OutboxEntry{ID: t.entry.id, Data: data}, err
}

// wholeGroups leaves out the members of groups of which some are not ready.
func (p *playback) wholeGroups(round []*track) []*track {
	in := make(map[*track]bool)
	for _, t := range round {
		in[t] = true
	}
	partly := make(map[string]bool)
	for _, t := range p.tracks {
		if t.entry.Group != "" && !in[t] && !t.played {
			partly[t.entry.Group] = true
		}
	}
	return slices.DeleteFunc(round, func(t *track) bool { return partly[t.entry.Group] })
}

// ready reports whether all that the save comes after has ended.
func (t *track) ready() bool {
	if t.played || t.prev != nil && !t.prev.ended || t.after != nil && !t.after.ended {
		return false
	}
	for _, parent := range t.links {
		if !parent.ended && (t.entry.Group == "" || parent.entry.Group != t.entry.Group) {
			return false
		}
	}
	return true
}

// play submits saves that belong together.
func (p *playback) play(ctx context.Context, members []*track) {
	var parts []*part
	for _, t := range members {
		if t.after != nil {
			if t.after.err != nil || t.after.part.pending.err != nil && !errors.Is(t.after.part.pending.err, ErrPartial) {
				t.fail(fmt.Errorf("%w: the record was not made", ErrDependency))
				continue
			}
		}
		for i, parent := range t.links {
			together := false
			for _, m := range members {
				together = together || m == parent
			}
			t.part.links = append(t.part.links, parentLink{column: i, parent: parent.part.box, together: together})
			t.part.linked.Set(i)
			t.part.set.Clear(i)
		}
		parts = append(parts, t.part)
	}
	var err error
	switch {
	case len(parts) < len(members):
		err = fmt.Errorf("%w: of the same group", ErrDependency)
	case len(members) > 1:
		err = p.writer.submitGroup(ctx, parts)
	default:
		err = p.writer.submit(ctx, parts[0], admission{})
	}
	if err != nil {
		for _, t := range members {
			if t.err == nil {
				t.fail(err)
			}
		}
	}
}

func (t *track) box() *inbox {
	if t.part == nil || t.part.box == nil {
		return &inbox{closed: true, record: &record{}}
	}
	return t.part.box
}

func (t *track) result() Replayed {
	r := Replayed{ID: t.entry.id, Table: t.entry.Table, Kind: t.entry.Kind, Err: t.err, part: t.part}
	if t.part == nil {
		return r
	}
	if t.err == nil {
		r.Result, r.Key, r.Err = t.part.pending.outcome.kind, t.part.pending.outcome.key, t.part.pending.err
	}
	if r.Key == nil && t.part.base != nil && t.part.box != nil {
		r.Key, _ = t.part.box.keyOf(t.part.base)
	}
	if r.Kind != Delete {
		r.Values = make(map[string]any)
		for i := range t.part.asked.All() {
			r.Values[t.part.table.plan.Fields()[i].Name] = t.part.table.plan.Value(t.part.typed, i)
		}
	}
	return r
}
