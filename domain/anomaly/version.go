package anomaly

import "math/bits"

// Schema names what the detector takes from a reading and how it judges it. A model of another schema is
// refused.
const Schema = "anomaly-1"

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
