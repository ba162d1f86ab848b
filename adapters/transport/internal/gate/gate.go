// Package gate bounds how much a transport works on at once, so that it sheds load before queues grow.
package gate

// Gate has room for as many as its capacity; make one with make(Gate, n).
type Gate chan struct{}

// Enter takes room and reports whether there was any. It never waits.
func (g Gate) Enter() bool {
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

// Leave gives back the room that Enter took.
func (g Gate) Leave() { <-g }
