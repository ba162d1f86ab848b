package anomaly

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/domain"
)

// MaxHistory bounds the earlier readings of a request.
const MaxHistory = 10_000

// maxBadReadings is how many faults of a history are listed one by one.
const maxBadReadings = 20

// Request is one question about a reading of a device. Build it from NewRequest.
type Request struct {
	DeviceID     string
	LocationName string
	// Reading is the one that is judged. Its values may be impossible, but at least one must be there.
	Reading Reading
	// History are earlier readings of the device, in any order: they carry their time. Without one the device's
	// kept state is used.
	History []Reading

	// Owner is whose device it is, as the service knows who asks; empty where it asks nobody. What is kept of a device
	// belongs to its owner and id together.
	Owner string

	// Fresh by-passes the cache lookup; the answer is still stored.
	Fresh bool
}

// NewRequest returns a request in which everything is missing.
func NewRequest() Request { return Request{} }

// Validate returns every value that cannot be meant, in the order of the contract's fields; nil when
// the request can be answered. What a sensor says is never a violation.
func (r *Request) Validate() []domain.Violation {
	var vs []domain.Violation
	if r.DeviceID == "" {
		vs = append(vs, domain.Violation{Pointer: "/device_id", Code: domain.CodeRequired, Detail: "a device is required"})
	}
	vs = domain.CheckText(vs, "/device_id", r.DeviceID)
	vs = domain.CheckText(vs, "/location_name", r.LocationName)
	vs = checkReading(vs, -1, &r.Reading)
	present := false
	for _, v := range r.Reading.Values {
		present = present || v.Value == v.Value
	}
	if !present {
		vs = append(vs, domain.Violation{Pointer: "", Code: domain.CodeRequired, Detail: "at least one measured value is required"})
	}
	if n := len(r.History); n > MaxHistory {
		return append(vs, domain.Violation{
			Pointer: "/history", Code: domain.CodeSize,
			Detail: fmt.Sprintf("%d readings are more than the %d that are allowed", n, MaxHistory),
		})
	}
	bad := 0
	for i := range r.History {
		n := len(vs)
		vs = checkReading(vs, i, &r.History[i])
		if bad += len(vs) - n; bad > maxBadReadings {
			return append(vs[:n], tooManyBad())
		}
	}
	return r.checkTimes(vs)
}

// tooManyBad stands for the violations that are no more listed.
func tooManyBad() domain.Violation {
	return domain.Violation{
		Pointer: "/history", Code: domain.CodeInconsistent, Detail: "more readings of the history cannot be used",
	}
}

// checkTimes appends the readings that have one time, to the millisecond: nobody can tell which of them is right.
func (r *Request) checkTimes(vs []domain.Violation) []domain.Violation {
	if r.inOneDirection() {
		return vs
	}
	const now = -1 // the place of the reading that is judged
	at := make([]int, 0, len(r.History)+1)
	for i := now; i < len(r.History); i++ {
		at = append(at, i)
	}
	when := func(i int) int64 {
		if i == now {
			return r.Reading.Time.UnixMilli()
		}
		return r.History[i].Time.UnixMilli()
	}
	slices.SortFunc(at, func(a, b int) int { return cmp.Or(cmp.Compare(when(a), when(b)), cmp.Compare(a, b)) })
	pointer := func(i int) string {
		if i == now {
			return "/timestamp"
		}
		return "/history/" + strconv.Itoa(i) + "/timestamp"
	}
	pairs := 0
	for k := 1; k < len(at); k++ {
		a, b := at[k-1], at[k]
		if when(a) != when(b) || when(b) == (time.Time{}).UnixMilli() { // without a time they are named already
			continue
		}
		if pairs++; pairs > maxBadReadings/2 {
			return append(vs, tooManyBad())
		}
		for _, pair := range [...][2]int{{a, b}, {b, a}} {
			vs = append(vs, domain.Violation{
				Pointer: pointer(pair[0]), Code: domain.CodeDuplicate,
				Detail: "the reading at " + pointer(pair[1]) + " has the same time; a device makes one reading at a time",
			})
		}
	}
	return vs
}

// inOneDirection reports whether the history's times strictly rise or strictly fall and do not reach that of the
// reading. Then no two are equal.
func (r *Request) inOneDirection() bool {
	n := len(r.History)
	if n == 0 {
		return true
	}
	when := func(i int) int64 { return r.History[i].Time.UnixMilli() }
	rising := n == 1 || when(0) < when(1)
	for i := 1; i < n; i++ {
		if when(i-1) == when(i) || when(i-1) < when(i) != rising {
			return false
		}
	}
	return max(when(0), when(n-1)) < r.Reading.Time.UnixMilli()
}

// checkReading appends what is wrong with one reading: that of the request, or of its history where
// history is not negative. Pointers are made only for what is wrong.
func checkReading(vs []domain.Violation, history int, r *Reading) []domain.Violation {
	add := func(pointer, code, detail string) {
		if history >= 0 {
			pointer = "/history/" + strconv.Itoa(history) + pointer
		}
		vs = append(vs, domain.Violation{Pointer: pointer, Code: code, Detail: detail})
	}
	switch year := r.Time.Year(); {
	case r.Time.IsZero():
		add("/timestamp", domain.CodeRequired, "an RFC 3339 time is required")
	case year < domain.MinYear || year > domain.MaxYear:
		add("/timestamp", domain.CodeRange, fmt.Sprintf("year %d is outside %d to %d", year, domain.MinYear, domain.MaxYear))
	}
	if n := len(r.Values); n > MaxVariables {
		add("/measurements", domain.CodeSize, fmt.Sprintf("%d variables are more than the %d that are allowed", n, MaxVariables))
		return vs
	}
	for i, v := range r.Values {
		switch {
		case v.Name == "" || len(v.Name) > MaxNameLength:
			add("/measurements", domain.CodeSize, fmt.Sprintf("the name of a variable has 1 to %d bytes", MaxNameLength))
		case math.IsInf(v.Value, 0):
			add(pointerTo(v.Name), domain.CodeNotFinite, "the number must be finite")
		}
		for _, other := range r.Values[:i] {
			if other.Name == v.Name { // a field cannot be given twice, so it is the other of them
				add("/measurements/"+domain.PointerToken(v.Name), domain.CodeDuplicate, "the variable is given twice")
				break
			}
		}
	}
	return vs
}

// pointerTo returns the place of a variable in a reading.
func pointerTo(name string) string {
	if KindOf(name) != KindOther {
		return "/" + name
	}
	return "/measurements/" + domain.PointerToken(name)
}

// Canonicalize brings times to UTC and whole milliseconds, the resolution of the state, and the history into the
// order of time. Values are left as they are: the last digit of a sensor is part of its habits.
func (r *Request) Canonicalize() {
	canonical := func(r *Reading) {
		r.Time = r.Time.UTC().Truncate(time.Millisecond)
		for i := range r.Values {
			r.Values[i].Value += 0 // -0 becomes 0
		}
	}
	canonical(&r.Reading)
	for i := range r.History {
		canonical(&r.History[i])
	}
	byTime := func(a, b Reading) int { return a.Time.Compare(b.Time) }
	if !slices.IsSortedFunc(r.History, byTime) {
		slices.SortStableFunc(r.History, byTime)
	}
}

// AppendCanonical appends the bytes over which the cache key of a request with history is computed:
// every input that can change the answer, each with its length or in fixed width. The request must be
// canonical. An answer from kept state depends on the state too and has no such key.
func (r *Request) AppendCanonical(dst []byte) []byte {
	le := binary.LittleEndian
	reading := func(r *Reading) {
		dst = le.AppendUint64(dst, uint64(r.Time.UnixMilli()))
		dst = append(dst, byte(len(r.Values)))
		for _, v := range r.Values {
			dst = append(dst, byte(len(v.Name)))
			dst = append(dst, v.Name...)
			x := v.Value
			if x != x {
				x = nan
			}
			dst = le.AppendUint64(dst, math.Float64bits(x))
		}
	}
	dst = le.AppendUint32(dst, uint32(len(r.DeviceID)))
	dst = append(dst, r.DeviceID...)
	reading(&r.Reading)
	dst = le.AppendUint32(dst, uint32(len(r.History)))
	for i := range r.History {
		reading(&r.History[i])
	}
	return dst
}
