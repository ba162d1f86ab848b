package rediscache

import "time"

// CompareEvery lets a test not wait as long as operators can.
func (c *Cache) CompareEvery(d time.Duration) { c.compareEvery = d }
