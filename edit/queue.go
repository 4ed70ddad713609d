package edit

import "iter"

// queue holds the operations that are not sent, in order. Whatever its length,
// operations are put in and taken out in the same time.
type queue struct {
	head, tail *Op
	len        int
	slow       int // of them in the lane of locked rows
}

// neighbours link an operation into the queue.
type neighbours struct {
	before, behind *Op
}

func (q *queue) append(op *Op) { q.insert(op, q.tail, nil) }

func (q *queue) prepend(op *Op) { q.insert(op, nil, q.head) }

func (q *queue) insert(op, before, behind *Op) {
	op.place, op.waits = neighbours{before, behind}, true
	q.join(before, op)
	q.join(op, behind)
	q.count(op, 1)
}

// remove takes an operation out, and reports whether it was in.
func (q *queue) remove(op *Op) bool {
	if !op.waits {
		return false
	}
	at := op.place
	op.place, op.waits = neighbours{}, false
	q.join(at.before, at.behind)
	q.count(op, -1)
	return true
}

// join makes two operations neighbours; nil is the end.
func (q *queue) join(before, behind *Op) {
	if before == nil {
		q.head = behind
	} else {
		before.place.behind = behind
	}
	if behind == nil {
		q.tail = before
	} else {
		behind.place.before = before
	}
}

func (q *queue) count(op *Op, n int) {
	q.len += n
	if op.slow {
		q.slow += n
	}
}

// has reports whether there is anything for a lane.
func (q *queue) has(slow bool) bool {
	if slow {
		return q.slow > 0
	}
	return q.len > q.slow
}

// all yields the operations in order. The current one may be taken out
// meanwhile.
func (q *queue) all() iter.Seq[*Op] {
	return func(yield func(*Op) bool) {
		for op := q.head; op != nil; {
			behind := op.place.behind
			if !yield(op) {
				return
			}
			op = behind
		}
	}
}
