package edit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// playback replays an outbox: the saves of one record one after the other,
// those of different records together. It belongs to whoever has the journal's
// turn.
type playback struct {
	writer *Writer
	tracks []*track          // in the order of acceptance
	by     map[string]*track // by ID
	boxes  map[string]*inbox // by session
	chains map[any]*track    // the last track of each record
}

// track is one save of the outbox.
type track struct {
	entry    entry
	part     *part  // nil as long as there is no editor of its table
	prev     *track // the save of the same record before this one
	after    *track // the save that makes the record
	links    map[int]*track
	referred bool // links are known
	played   bool
	ended    bool
	removed  bool // from the outbox
	changed  bool // differs from what the outbox has
	err      error
}

// begin waits for the turn to replay and returns what is left. What was begun
// before is gone on with.
func (j *journal) begin(ctx context.Context, w *Writer) (*playback, error) {
	select {
	case j.replaying <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if j.playback != nil {
		return j.playback, nil
	}
	kept, err := j.outbox.Load()
	if err != nil {
		j.end()
		return nil, fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	p := &playback{writer: w, by: make(map[string]*track), boxes: make(map[string]*inbox), chains: make(map[any]*track)}
	for _, e := range kept {
		p.tracks = append(p.tracks, p.read(e))
	}
	j.playback = p
	return p, nil
}

func (j *journal) end() { <-j.replaying }

func (p *playback) read(kept OutboxEntry) *track {
	t := &track{}
	p.by[kept.ID] = t
	if err := json.Unmarshal(kept.Data, &t.entry); err != nil {
		t.fail(fmt.Errorf("%w: %w", ErrOutbox, err))
	}
	t.entry.id = kept.ID
	return t
}

// know makes the saves of one more table, and those whose editor was of another
// shape.
func (p *playback) know(editor Replayable) {
	o := editor.replayable()
	for _, t := range p.tracks {
		if !t.of(o.table) || t.part != nil || t.err != nil && !errors.Is(t.err, ErrSchemaChanged) || p.writer.discarded(t.entry.id) {
			continue
		}
		t.err, t.played, t.ended = nil, false, false
		t.fail(p.make(t, o))
	}
	for _, t := range p.tracks {
		if t.part != nil && t.err == nil && !t.referred {
			t.fail(p.refer(t))
		}
	}
}

func (t *track) of(table *Table) bool {
	return t.entry.Table == table.Name && t.entry.Schema == table.Schema
}

// giveUp ends the saves of tables of which there is no editor.
func (p *playback) giveUp() {
	for _, t := range p.tracks {
		if t.part == nil && t.err == nil {
			t.fail(fmt.Errorf("%w: no editor of table %s", ErrSchemaChanged, t.entry.Table))
		}
	}
	for _, t := range p.tracks {
		if t.part != nil && t.err == nil && !t.referred {
			t.fail(p.refer(t))
		}
	}
}

func (t *track) fail(err error) {
	if err != nil {
		t.err, t.played, t.ended = err, true, true
	}
}

// make makes the save again, in a session like o.
func (p *playback) make(t *track, o opening) error {
	e, table := &t.entry, o.table
	base, err := rowOf(table, e.Base)
	if err != nil {
		return err
	}
	row, err := rowOf(table, e.Row)
	if err != nil {
		return err
	}
	s := &part{
		kind: e.Kind, base: base, typed: row, row: row, policy: &table.policy,
		kept: true, replay: true, pending: new(pending), named: &named{id: e.id, since: e.Queued},
		box: &inbox{table: table, closed: true, record: &record{table: table}}, // until there is that of its record
	}
	if e.Strict {
		s.policy = &Policy{kind: strictly}
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
			s.unshare()
			if err := table.plan.SetValue(s.row, i, int64(1)); err != nil {
				return err
			}
		}
	}
	var chain any
	switch {
	case e.After != "" && p.by[e.After] != nil:
		t.after = p.by[e.After]
		chain = t.after
		t.prev = p.chains[chain]
	case e.Kind == Insert:
		chain, o.isNew = t, true
		if s.box, _, err = p.writer.open(o); err != nil {
			return err
		}
	default:
		key, err := o.keyOf(base)
		if err != nil {
			return err
		}
		o.key, o.row = key, base
		if s.box = p.boxes[e.Session]; s.box == nil {
			if s.box, _, err = p.writer.open(o); err != nil {
				return err
			}
			p.boxes[e.Session] = s.box
		}
		chain = recordKey{table, key}
		t.prev = p.chains[chain]
	}
	p.chains[chain] = t
	t.part = s
	return nil
}

// refer finds the saves that make what a save refers to, once all of them are
// made.
func (p *playback) refer(t *track) error {
	for _, id := range t.entry.Links {
		parent := p.by[id]
		switch {
		case parent == nil || parent.part == nil && parent.err != nil:
			return fmt.Errorf("%w: the record that it refers to is not in the outbox", ErrDependency)
		case parent.part == nil:
			return nil
		}
	}
	t.referred = true
	for name, id := range t.entry.Links {
		i, ok := t.part.table().plan.Index(name)
		if !ok {
			return fmt.Errorf("%w: no column %s", ErrSchemaChanged, name)
		}
		parent := p.by[id]
		if t.links == nil {
			t.links = make(map[int]*track)
		}
		t.links[i] = parent
	}
	return nil
}

// run plays the tracks in rounds, in each those whose predecessors have ended,
// until what is left waits for tables that are not there yet.
func (p *playback) run(ctx context.Context) error {
	for {
		for _, t := range p.tracks {
			if !t.played || t.ended {
				continue
			}
			select {
			case <-t.part.pending.end():
				t.ended = true
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err := p.settle(); err != nil {
			return err
		}
		p.release()
		p.breakGroups()
		var round []*track
		for _, t := range p.tracks {
			if t.ready() {
				round = append(round, t)
			}
		}
		round = p.wholeGroups(round)
		if len(round) == 0 {
			return p.stuck()
		}
		for _, t := range round {
			if t.played {
				continue
			}
			members := []*track{t}
			for _, u := range round {
				if u != t && t.entry.Group != "" && u.entry.Group == t.entry.Group {
					members = append(members, u)
				}
			}
			if err := p.play(ctx, members); err != nil {
				return err
			}
		}
	}
}

// stuck ends the saves that can never be played.
func (p *playback) stuck() error {
	for _, t := range p.tracks {
		if t.part == nil && t.err == nil {
			return nil // some may wait for that one's table
		}
	}
	for _, t := range p.tracks {
		if !t.played {
			t.fail(fmt.Errorf("%w: saves of the outbox wait for each other", ErrDependency))
		}
	}
	return nil
}

// breakGroups ends the rest of groups of which a save cannot be played.
func (p *playback) breakGroups() {
	spoilt := make(map[string]*track)
	for _, t := range p.tracks {
		if t.entry.Group != "" && t.err != nil {
			spoilt[t.entry.Group] = t
		}
	}
	for _, t := range p.tracks {
		if culprit := spoilt[t.entry.Group]; culprit != nil && !t.played {
			t.fail(fmt.Errorf("%w: %s of the same group was not saved", ErrDependency, culprit.entry.Table))
		}
	}
}

// settle drops the saves that were done from the outbox. In the same write goes
// what that means to those behind them: a process that ends in the middle of a
// replay must leave nothing that refers to what is not there.
func (p *playback) settle() error {
	var remove []string
	for _, t := range p.tracks {
		if t.wellEnded() && !t.removed {
			remove = append(remove, t.entry.id)
		}
	}
	if len(remove) == 0 {
		return nil
	}
	var add []OutboxEntry
	for _, t := range p.tracks {
		if t.part == nil || t.played {
			continue
		}
		if t.changed = t.follow(p) || t.changed; !t.changed {
			continue
		}
		e, err := t.encode()
		if err != nil {
			return err
		}
		add = append(add, e)
	}
	if err := p.writer.journal.write(add, remove); err != nil {
		return fmt.Errorf("%w: %w", ErrOutbox, err)
	}
	for _, t := range p.tracks {
		t.removed = t.removed || t.wellEnded()
		t.changed = false
	}
	return nil
}

// release closes the sessions whose saves have ended.
func (p *playback) release() {
	used := make(map[*inbox]bool)
	for _, t := range p.tracks {
		if t.part == nil || t.ended {
			continue
		}
		used[t.part.box] = true
		if t.after != nil && t.after.part != nil {
			used[t.after.part.box] = true
		}
	}
	for _, t := range p.tracks {
		if b := t.box(); t.ended && !used[b] {
			p.writer.close(b)
		}
	}
}

// results are what became of a table's saves, or of all.
func (p *playback) results(table *Table) []Replayed {
	var all []Replayed
	for _, t := range p.tracks {
		if t.ended && (table == nil || t.of(table)) {
			all = append(all, t.result())
		}
	}
	return all
}

// wellEnded reports whether the database holds the save.
func (t *track) wellEnded() bool {
	return t.ended && t.err == nil && (t.part.pending.err == nil || errors.Is(t.part.pending.err, ErrPartial))
}

// follow brings a save up to what those before it have done, and reports
// whether that changed it.
func (t *track) follow(p *playback) bool {
	s := t.part
	changed := false
	if t.after != nil && t.after.wellEnded() {
		s.box = t.after.part.box
		t.after, t.entry.After, changed = nil, "", true
	}
	var behind []string
	for _, id := range t.entry.Behind {
		before := p.by[id]
		if before == nil || !before.wellEnded() || before.part.pending.outcome.row == nil {
			behind = append(behind, id)
			continue
		}
		q := before.part
		wrote := &sent{row: q.typed, set: q.asked, stored: q.pending.outcome.row, parts: []*part{q}}
		if q.kind == Insert {
			wrote.set = q.table().plan.All()
		}
		s.tied().over = wrote
		s.base, changed = s.overtaken(), true
	}
	t.entry.Behind = behind
	if s.kind == Delete {
		s.typed = s.base
	}
	for i, parent := range t.links {
		if !parent.wellEnded() || parent.part.pending.outcome.row == nil {
			continue
		}
		key := parent.part.table().keyParts(parent.part.pending.outcome.row)
		if len(key) != 1 || s.table().plan.SetValue(s.typed, i, key[0]) != nil || s.table().plan.SetValue(s.row, i, key[0]) != nil {
			continue
		}
		s.set.Set(i)
		s.asked.Set(i)
		delete(t.links, i)
		delete(t.entry.Links, s.table().plan.Fields()[i].Name)
		changed = true
	}
	return changed
}

// encode is the save as it goes back into the outbox.
func (t *track) encode() (OutboxEntry, error) {
	s := t.part
	t.entry.Set = s.table().plan.Names(s.set)
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
	if t.played || t.part == nil || !t.referred || t.prev != nil && !t.prev.ended || t.after != nil && !t.after.ended {
		return false
	}
	for _, parent := range t.links {
		if !parent.ended && (t.entry.Group == "" || parent.entry.Group != t.entry.Group) {
			return false
		}
	}
	return true
}

// play submits saves that belong together. The error is that of the context.
func (p *playback) play(ctx context.Context, members []*track) error {
	var parts []*part
	for _, t := range members {
		if t.after != nil && !t.after.wellEnded() {
			t.fail(fmt.Errorf("%w: the record was not made", ErrDependency))
			continue
		}
		var links []parentLink
		for i, parent := range t.links {
			links = append(links, parentLink{column: i, parent: parent.part.box, together: slices.Contains(members, parent)})
			t.part.set.Clear(i)
		}
		if links != nil || t.part.ties != nil {
			t.part.tied().links = links
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
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	for _, t := range members {
		if t.err == nil {
			t.played = true
			t.fail(err)
		}
	}
	return nil
}

// box is the session that the save was replayed in.
func (t *track) box() *inbox {
	if t.part == nil {
		return &inbox{closed: true, record: &record{}}
	}
	return t.part.box
}
