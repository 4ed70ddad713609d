package conform

import (
	"fmt"
	"maps"
)

// statement runs a random step of a transaction.
func (w *writer) statement(d *draft) error {
	switch w.rand.IntN(12) {
	case 0:
		return w.undo(d)
	case 1:
		return w.insert(d, 200) // many rows that still have keys
	default:
		return w.one(d)
	}
}

// one runs one random statement that always changes a row.
func (w *writer) one(d *draft) error {
	switch w.rand.IntN(14) {
	case 0, 1:
		return w.insert(d, 1)
	case 2:
		return w.insert(d, 2+w.rand.IntN(19))
	case 3, 4:
		return w.onItems(d, 1+w.rand.IntN(3), "UPDATE item SET ver = ver + 1 WHERE id IN %s", true)
	case 5:
		return w.onItems(d, 1+w.rand.IntN(2), "DELETE FROM item WHERE id IN %s", false)
	case 6:
		return w.rename(d)
	case 7:
		return w.upsert(d)
	case 8:
		return w.insertWords(d)
	case 9:
		return w.changeWord(d)
	case 10:
		return w.changePair(d)
	case 11:
		if err := d.exec("INSERT INTO loose(v, ver) VALUES (1, 1)"); err != nil {
			return err
		}
		d.changed(Row{Table: "loose"})
		return nil
	case 12:
		return w.insertFamily(d)
	default:
		return w.changeFamily(d)
	}
}

func (w *writer) freshIDs(n int) []int64 {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = w.race.fresh.Add(1)
	}
	return ids
}

// insert inserts n items.
func (w *writer) insert(d *draft, n int) error {
	ids := w.freshIDs(n)
	d.add(items(ids...)...) // first: if it fails, they must not be told either
	w.items.keep = append(w.items.keep, ids...)
	return d.exec(insertItems(1, ids...))
}

// onItems runs a statement on some items of the writer, or inserts one.
func (w *writer) onItems(d *draft, n int, statement string, stay bool) error {
	var ids []int64
	for range n {
		if id, ok := w.items.take(w.rand); ok {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return w.insert(d, 1)
	}
	if stay {
		w.items.keep = append(w.items.keep, ids...)
	}
	d.changed(items(ids...)...)
	return d.exec(fmt.Sprintf(statement, in(ids...)))
}

// rename changes the key of an item.
func (w *writer) rename(d *draft) error {
	id, ok := w.items.take(w.rand)
	if !ok {
		return w.insert(d, 1)
	}
	next := w.race.fresh.Add(1)
	w.items.keep = append(w.items.keep, next)
	d.changed(items(id)...)
	d.add(items(next)...)
	return d.exec(fmt.Sprintf("UPDATE item SET id = %d WHERE id = %d", next, id))
}

// upsert upserts a new item and, if there is one, an old one.
func (w *writer) upsert(d *draft) error {
	ids := w.freshIDs(1)
	d.add(items(ids...)...)
	if id, ok := w.items.take(w.rand); ok {
		d.changed(items(id)...)
		ids = append(ids, id)
	}
	w.items.keep = append(w.items.keep, ids...)
	return d.exec(insertItems(2, ids...) + " " + w.race.engine.Upsert)
}

func wordOf(id int64) string { return fmt.Sprintf("word %d", id) }

func (w *writer) insertWords(d *draft) error {
	id := w.race.fresh.Add(1)
	d.add(Row{"word", wordOf(id)})
	w.words.keep = append(w.words.keep, id)
	return d.exec(fmt.Sprintf("INSERT INTO word(name, ver) VALUES ('%s', 1)", wordOf(id)))
}

func (w *writer) changeWord(d *draft) error {
	id, ok := w.words.take(w.rand)
	if !ok {
		return w.insertWords(d)
	}
	d.changed(Row{"word", wordOf(id)})
	switch w.rand.IntN(3) {
	case 0:
		return d.exec("DELETE FROM word WHERE name IN " + quoted(wordOf(id)))
	case 1:
		next := w.race.fresh.Add(1)
		d.add(Row{"word", wordOf(next)})
		w.words.keep = append(w.words.keep, next)
		return d.exec(fmt.Sprintf("UPDATE word SET name = '%s' WHERE name = '%s'", wordOf(next), wordOf(id)))
	default:
		w.words.keep = append(w.words.keep, id)
		return d.exec("UPDATE word SET ver = ver + 1 WHERE name IN " + quoted(wordOf(id)))
	}
}

// changePair inserts a pair, or changes one that is there.
func (w *writer) changePair(d *draft) error {
	pair := func(id int64) Row { return Row{"pair", w.race.engine.composite(id, "p")} }
	id, ok := w.pairs.take(w.rand)
	switch {
	case !ok || w.rand.IntN(2) == 0 && len(w.pairs.live) < 100:
		if ok {
			w.pairs.keep = append(w.pairs.keep, id)
		}
		next := w.race.fresh.Add(1)
		d.add(pair(next))
		w.pairs.keep = append(w.pairs.keep, next)
		return d.exec(fmt.Sprintf("INSERT INTO pair(a, b, ver) VALUES (%d, 'p', 1)", next))
	case w.rand.IntN(3) == 0:
		d.changed(pair(id))
		return d.exec(fmt.Sprintf("DELETE FROM pair WHERE a = %d", id))
	default:
		d.changed(pair(id))
		w.pairs.keep = append(w.pairs.keep, id)
		return d.exec(fmt.Sprintf("UPDATE pair SET ver = ver + 1 WHERE a = %d AND b = 'p'", id))
	}
}

// insertFamily inserts a parent with children. It takes two statements, which
// only a transaction keeps together: without one, the parent has none.
func (w *writer) insertFamily(d *draft) error {
	f := family{parent: w.race.fresh.Add(1)}
	d.add(rowsOf("parent", f.parent)...)
	if err := d.exec(insertRows("parent", f.parent)); err != nil {
		return err
	}
	if d.on != execer(w.race.db.DB) {
		f.children = w.freshIDs(3)
		d.add(rowsOf("child", f.children...)...)
		for _, id := range f.children {
			if err := d.exec(fmt.Sprintf("INSERT INTO child(id, parent, ver) VALUES (%d, %d, 1)", id, f.parent)); err != nil {
				return err
			}
		}
	}
	w.parents.keep = append(w.parents.keep, f)
	return nil
}

// changeFamily deletes a parent with its children, or gives it another key,
// which they follow.
func (w *writer) changeFamily(d *draft) error {
	f, ok := w.parents.take(w.rand)
	if !ok {
		return w.insertFamily(d)
	}
	d.changed(rowsOf("parent", f.parent)...)
	d.changed(rowsOf("child", f.children...)...)
	if w.rand.IntN(2) == 0 {
		return d.exec(fmt.Sprintf("DELETE FROM parent WHERE id = %d", f.parent))
	}
	next := w.race.fresh.Add(1)
	d.add(rowsOf("parent", next)...)
	w.parents.keep = append(w.parents.keep, family{next, f.children})
	return d.exec(fmt.Sprintf("UPDATE parent SET id = %d WHERE id = %d", next, f.parent))
}

// undo runs a statement and takes it back to a savepoint.
func (w *writer) undo(d *draft) error {
	ids := w.freshIDs(1 + w.rand.IntN(3))
	undone := make(map[rowID]bool)
	for _, r := range items(ids...) {
		undone[r.id()] = true
	}
	for _, s := range []string{"SAVEPOINT aside", insertItems(1, ids...), "ROLLBACK TO SAVEPOINT aside", "RELEASE SAVEPOINT aside"} {
		if err := d.exec(s); err != nil {
			return err
		}
	}
	maps.Copy(d.undone, undone)
	return nil
}
