package evacuation

// Count is a number of people. The zero value is not known, which is not the same as nobody.
type Count struct {
	n     int64
	known bool
}

// Known returns the count n.
func Known(n int64) Count { return Count{n, true} }

// Get returns the number and whether it is known.
func (c Count) Get() (n int64, known bool) { return c.n, c.known }
