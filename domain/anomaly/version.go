package anomaly

import "math/bits"

// Version is the semantic version of the tests and their numbers: the same version gives the same verdicts
// for the same readings.
const Version = "1.0.0"

var qualityNames = [numQualities]string{"cold_start", "out_of_order", "variables_ignored", "no_state", "state_lost", "future_timestamp"}

// Names returns the names of the conditions in q; never nil.
func (q Quality) Names() []string {
	names := make([]string, 0, bits.OnesCount8(uint8(q)))
	for i, name := range qualityNames {
		if q&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}
