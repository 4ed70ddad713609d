package listen

// Ask asks for a poll now and returns a position: the batch there, or the first
// one behind it, is of a poll that was sent after the call. Whatever was
// committed before the call is in that batch or an earlier one. It does not
// ask for a look at the capture, and never blocks.
func (f *Feed) Ask() Position {
	f.stateMu.Lock()
	after := Position{f.polls + 1}
	f.stateMu.Unlock()
	f.Poke()
	return after
}

// Number returns the number of the poll: those of later ones are higher.
func (p Position) Number() uint64 { return p.n }
