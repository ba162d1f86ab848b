package domain

import "slices"

// Quality says what an answer had to do without, and what it did not trust. I enumerates the inputs of
// the capability.
type Quality[I Enum] struct {
	// Missing inputs were expected or would have helped.
	Missing Set[I]
	// OutOfDomain inputs lie where the data that the model was trained on do not speak; they widen the interval.
	OutOfDomain Set[I]
	// Ignored inputs were given but the model in service does not use them.
	Ignored Set[I]
	// Doubtful values may be errors. At most MaxDoubts are listed; the answer heeds all of them.
	Doubtful []Doubt
}

// Doubt is one value that may be the error of a sensor, a unit, a datum or a client.
type Doubt struct {
	// Pointer is the place in the request, as an RFC 6901 JSON pointer ("/river/value").
	Pointer string
	Reason  DoubtReason
	Treated Treatment
}

// MaxDoubts bounds the doubts that one answer lists.
const MaxDoubts = 16

// DoubtReason is what a doubtful value may be mistaken for.
type DoubtReason uint8

// The reasons for doubt.
const (
	DoubtNoDataCode      DoubtReason = iota // a code for "no data", or what a unit conversion made of one
	DoubtUnit                               // the value and what it is compared with seem to have different units
	DoubtDatum                              // the value and what it is compared with seem to count from different zeros
	DoubtSign                               // the sign seems to be the wrong way round
	DoubtOrder                              // two values seem to be exchanged
	DoubtFrozen                             // the sensor repeats one value
	DoubtUnconfirmedRise                    // one reading cannot tell a spike from a flash flood
	DoubtImplausible                        // beyond anything measured, for no reason that can be named

	// NumDoubtReasons counts the reasons.
	NumDoubtReasons
)

var doubtReasonNames = [NumDoubtReasons]string{
	"no_data_code", "unit", "datum", "sign", "order", "frozen", "unconfirmed_rise", "implausible",
}

// String returns the contract's word.
func (r DoubtReason) String() string { return doubtReasonNames[min(r, NumDoubtReasons-1)] }

// Treatment is what an answer does with a doubtful value.
type Treatment uint8

// The treatments.
const (
	TreatedMissing Treatment = iota // the answer does without the value
	TreatedBound                    // the value bounds the answer: it may raise it and never lowers it
	TreatedAsGiven                  // the value is used, and the doubt is only told

	// NumTreatments counts the treatments.
	NumTreatments
)

var treatmentNames = [NumTreatments]string{"missing", "bound", "as_given"}

// String returns the contract's word.
func (t Treatment) String() string { return treatmentNames[min(t, NumTreatments-1)] }

// Doubt adds one doubt to the list, unless it is there already or the list is full.
func (q *Quality[I]) Doubt(pointer string, reason DoubtReason, treated Treatment) {
	d := Doubt{pointer, reason, treated}
	if len(q.Doubtful) < MaxDoubts && !slices.Contains(q.Doubtful, d) {
		q.Doubtful = append(q.Doubtful, d)
	}
}

// MaxDoubtPointer bounds the pointer of a doubt in bytes.
const MaxDoubtPointer = 64

// AppendDoubts appends the compact encoding of doubts, which are at most MaxDoubts.
func AppendDoubts(dst []byte, doubts []Doubt) []byte {
	dst = append(dst, byte(len(doubts)))
	for _, d := range doubts {
		pointer := d.Pointer[:min(len(d.Pointer), MaxDoubtPointer)]
		dst = append(dst, byte(d.Reason), byte(d.Treated), byte(len(pointer)))
		dst = append(dst, pointer...)
	}
	return dst
}

// ReadDoubts reads what AppendDoubts wrote and returns the bytes behind it; ok is false for anything else.
func ReadDoubts(data []byte) (doubts []Doubt, rest []byte, ok bool) {
	if len(data) == 0 || data[0] > MaxDoubts {
		return nil, nil, false
	}
	n := int(data[0])
	data = data[1:]
	for range n {
		if len(data) < 3 || len(data) < 3+int(data[2]) || int(data[2]) > MaxDoubtPointer {
			return nil, nil, false
		}
		d := Doubt{Pointer: string(data[3 : 3+int(data[2])]), Reason: DoubtReason(data[0]), Treated: Treatment(data[1])}
		if d.Reason >= NumDoubtReasons || d.Treated >= NumTreatments {
			return nil, nil, false
		}
		doubts = append(doubts, d)
		data = data[3+int(data[2]):]
	}
	return doubts, data, true
}
