package listen

// Waiters returns how many callers of Sync the feed holds.
func (f *Feed) Waiters() int {
	f.stateMu.Lock()
	defer f.stateMu.Unlock()
	return len(f.waiters)
}
