package anomaly

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"slices"
)

// stateVersion leads every encoded state; a change of the layout, or of what a field means, changes it.
const stateVersion = 2

const (
	stateHead = 5 + 4*8 // version, variables, alarmed, quiet, late run; seconds, readings, wet, late
	stateTail = 4       // CRC-32 (IEEE) of everything before it
	// encodedVariable is the size of a variable without its name.
	encodedVariable = 1 + numFloats*8 + 8 + 4*4 + 3*2 + 1
	numFloats       = 38
)

// EncodedMax is the largest size of an encoded state in bytes.
const EncodedMax = stateHead + MaxVariables*(encodedVariable+MaxNameLength) + stateTail

// ErrEncoding is returned by Decode for bytes that are not a state.
var ErrEncoding = errors.New("not an encoded device state")

// floats lists the numbers of a variable in the order of the encoding.
func (q *variable) floats() [numFloats]*float64 {
	return [numFloats]*float64{
		&q.at, &q.last, &q.before, &q.third, &q.step, &q.typical, &q.large, &q.recent, &q.bump, &q.swing,
		&q.water[0], &q.water[1], &q.water[2], &q.grain,
		&q.longRun, &q.still, &q.share, &q.centre, &q.fold, &q.moved, &q.noise, &q.candidate, &q.rise, &q.fall, &q.wander, &q.calm[0], &q.calm[1], &q.calm[2], &q.heard, &q.weary,
		&q.quick, &q.slow, &q.pace, &q.latest, &q.records[0], &q.records[1], &q.records[2], &q.records[3],
	}
}

// AppendBinary appends the encoding of the state: little endian, fixed width, checked by a CRC.
func (d *DeviceState) AppendBinary(dst []byte) []byte {
	le, begin := binary.LittleEndian, len(dst)
	alarmed := byte(0)
	if d.alarmed {
		alarmed = 1
	}
	dst = append(dst, stateVersion, byte(len(d.variables)), alarmed, d.quiet, d.lateRun)
	dst = le.AppendUint64(dst, math.Float64bits(d.seconds))
	dst = le.AppendUint64(dst, d.readings)
	dst = le.AppendUint64(dst, math.Float64bits(d.wet))
	dst = le.AppendUint64(dst, math.Float64bits(d.late))
	for i := range d.variables {
		q := &d.variables[i]
		dst = append(dst, byte(len(q.name)))
		dst = append(dst, q.name...)
		for _, v := range q.floats() {
			dst = le.AppendUint64(dst, math.Float64bits(*v))
		}
		dst = le.AppendUint64(dst, math.Float64bits(q.since))
		dst = le.AppendUint32(dst, q.n)
		dst = le.AppendUint32(dst, q.run)
		dst = le.AppendUint32(dst, q.seen)
		dst = le.AppendUint32(dst, q.sinceNovel)
		dst = le.AppendUint16(dst, q.candidates)
		dst = le.AppendUint16(dst, q.doubted)
		dst = le.AppendUint16(dst, q.missing)
		dst = append(dst, byte(q.condition))
	}
	return le.AppendUint32(dst, crc32.ChecksumIEEE(dst[begin:]))
}

// Decode reads what AppendBinary wrote into d, whose room and names it uses again. Bytes that no state can
// have are ErrEncoding and leave d a device never seen: garbage must never become a device's habits.
func (d *DeviceState) Decode(data []byte) error {
	room := d.variables[:cap(d.variables)]
	d.Reset()
	le := binary.LittleEndian
	if len(data) < stateHead+stateTail || data[0] != stateVersion {
		return ErrEncoding
	}
	body := data[:len(data)-stateTail]
	if crc32.ChecksumIEEE(body) != le.Uint32(data[len(body):]) {
		return ErrEncoding
	}
	count := int(data[1])
	out := DeviceState{
		alarmed: data[2] == 1, quiet: data[3], lateRun: data[4],
		seconds: math.Float64frombits(le.Uint64(data[5:])), readings: le.Uint64(data[13:]),
		wet: math.Float64frombits(le.Uint64(data[21:])), late: math.Float64frombits(le.Uint64(data[29:])),
	}
	if count > MaxVariables || data[2] > 1 || !finite(out.seconds) || !finite(out.wet) || out.wet < 0 || !finite(out.late) || out.lateRun >= rewindAfter {
		return ErrEncoding
	}
	if cap(room) < count {
		room = slices.Grow(room, count-len(room))
	}
	out.variables = room[:count]
	rest := body[stateHead:]
	for i := range out.variables {
		q := &out.variables[i]
		if len(rest) < 1 || int(rest[0]) < 1 || int(rest[0]) > MaxNameLength || len(rest) < int(rest[0])+encodedVariable {
			return ErrEncoding
		}
		n := int(rest[0])
		*q = variable{name: nameOf(q.name, rest[1:1+n])}
		q.kind, q.quantity = KindOf(q.name), quantityOf(q.name)
		for k := range i {
			if out.variables[k].name == q.name {
				return ErrEncoding
			}
		}
		rest = rest[1+n:]
		for _, v := range q.floats() {
			*v = math.Float64frombits(le.Uint64(rest))
			rest = rest[8:]
		}
		q.since = math.Float64frombits(le.Uint64(rest))
		q.n, q.run = le.Uint32(rest[8:]), le.Uint32(rest[12:])
		q.seen, q.sinceNovel = le.Uint32(rest[16:]), le.Uint32(rest[20:])
		q.candidates, q.doubted, q.missing = le.Uint16(rest[24:]), le.Uint16(rest[26:]), le.Uint16(rest[28:])
		q.condition = Condition(rest[30])
		rest = rest[31:]
		if !q.valid() {
			return ErrEncoding
		}
	}
	if len(rest) != 0 {
		return ErrEncoding
	}
	*d = out
	return nil
}

// nameOf returns the text without a new allocation where it is the one of the device before, or one of the
// contract's.
func nameOf(before string, text []byte) string {
	if before == string(text) {
		return before
	}
	for _, name := range kindNames {
		if name == string(text) {
			return name
		}
	}
	return string(text)
}

func finite(v float64) bool { return v-v == 0 }

// valid reports whether a decoded variable can have been learnt.
func (q *variable) valid() bool {
	for _, scale := range [...]float64{
		q.step, q.typical, q.large, q.recent, q.bump, q.swing, q.grain, q.longRun, q.still, q.share, q.centre, q.fold, q.noise, q.rise, q.fall, q.wander, q.weary, q.pace, q.records[0], q.records[1], q.records[2], q.records[3],
	} {
		if !(scale >= 0) || math.IsInf(scale, 0) {
			return false
		}
	}
	if q.n > 0 && !(finite(q.at) && finite(q.last) && finite(q.moved)) {
		return false
	}
	return finite(q.heard) && finite(q.quick) && finite(q.slow) && finite(q.latest) && finite(q.since) && q.condition < NumConditions
}
