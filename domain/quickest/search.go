package quickest

import (
	"slices"

	"github.com/guardy-ai/guardy/domain/internal/heap"
)

// search finds a maximum flow in the time-expanded network of one rank up to a horizon, without building it: by
// shortest augmenting paths, counted in roads, along levels that only rise (Ahuja and Orlin 1991). Waiting is free,
// so that the fewest roads from a node to a shelter never become fewer with time: a short list of (last step, level)
// a node says it for all steps.
type search struct {
	p       *problem
	origins []origin
	horizon int
	reach   []int32 // by node: the earliest step at which a unit can be there
	away    []int32 // by node: steps to the nearest sink
	source  []int32 // by node: its source, or -1

	road grid     // units that enter each edge
	full []uint64 // beside road.used: the steps at which an edge takes no more
	held *grid    // units of the ranks before that enter each edge
	wait grid     // by node: units that stay from a step to the next, on the way
	gone grid     // by source: units that set out
	kept grid     // by sink: units that stay for good

	lastGone  []int32 // by source: the last step at which units set out, or noStep
	firstKept []int32 // by sink: the first step at which units stay, or unreachable
	supply    []int32 // by source: units that have not set out
	rooms     []int32 // by sink: places that there were at the beginning
	room      []int32 // by sink: places that are left
	value     int64   // units at sinks

	levels [][]level // by node
	last   []int32   // by node: the last step with a level when the levels were computed; noStep where there is none
	work   int       // levels raised since they were computed
	path   []hop

	front, next []int32 // memory of compute
}

// level says how many roads there are to a shelter at least, from a step up to and including last.
type level struct{ last, roads int32 }

// cutOff is the level of a step from which no shelter can be reached.
const cutOff = unreachable

// hop is one road of an augmenting path, or one change of who stays at a sink.
type hop struct {
	node, at int32 // where the units are, and since when
	kind     hopKind
	id       int32 // of the edge, or of the sink
	step     int32 // of the entry, or of the stay that ends
	leave    int32 // when the units leave the node
	via      int32 // when units that set out at that step are replaced, that step; else noStep
}

type hopKind uint8

const (
	hopEnter   hopKind = iota // units enter an edge at a step
	hopUndo                   // units that entered an edge at a step do not
	hopReplace                // units stay at a sink for others, who go on
	hopStay                   // units stay at a sink
)

// newSearch prepares a search. room is what the sinks have left, held what is on the roads.
func newSearch(p *problem, origins []origin, room []int32, held *grid) *search {
	x := &search{
		p: p, origins: origins, rooms: room, room: slices.Clone(room), held: held, source: fill(p.nodes),
		firstKept: make([]int32, len(p.haven)), lastGone: fill(len(origins)), supply: make([]int32, len(origins)),
		levels: make([][]level, p.nodes), last: make([]int32, p.nodes),
	}
	var from, to []int32
	for i, o := range origins {
		x.source[o.node], x.supply[i] = int32(i), o.supply
		from = append(from, o.node)
	}
	for k, v := range p.haven {
		x.firstKept[k] = unreachable
		if room[k] > 0 {
			to = append(to, v)
		}
	}
	x.reach, x.away = p.distances(from, false), p.distances(to, true)
	return x
}

// begin makes the tables of a flow up to a horizon.
func (x *search) begin(horizon int) {
	x.horizon = horizon
	x.road = newGrid(len(x.p.edges), x.onRoad)
	x.wait = newGrid(x.p.nodes, x.atNode)
	x.gone = newGrid(len(x.origins), x.atSource)
	x.kept = newGrid(len(x.p.haven), x.atSink)
	x.full = make([]uint64, len(x.road.used))
	for i := range x.p.edges {
		x.fillUp(int32(i), int(x.road.base[i]))
	}
}

func (x *search) onRoad(i int) span {
	e := &x.p.edges[i]
	return span{int(x.reach[e.from]), x.horizon - int(e.transit) - int(x.away[e.to])}
}

func (x *search) atNode(v int) span { return span{int(x.reach[v]), x.horizon - int(x.away[v])} }

func (x *search) atSource(i int) span {
	return span{0, x.horizon - int(x.away[x.origins[i].node])}
}

func (x *search) atSink(k int) span { return span{int(x.reach[x.p.haven[k]]), x.horizon} }

// extend makes the horizon longer. What was found so far stays.
func (x *search) extend(horizon int) {
	x.horizon = horizon
	old, oldFull := x.road, x.full
	x.road = old.widened(x.onRoad)
	x.full = make([]uint64, len(x.road.used))
	for i := range int32(len(x.p.edges)) {
		n := copy(x.road.words(x.full, i), old.words(oldFull, i))
		x.fillUp(i, int(x.road.base[i])+n<<6)
	}
	x.wait, x.gone, x.kept = x.wait.widened(x.atNode), x.gone.widened(x.atSource), x.kept.widened(x.atSink)
}

// fillUp marks the steps of an edge, from one on, at which it takes nobody beside those of the ranks before.
func (x *search) fillUp(i int32, from int) {
	e := &x.p.edges[i]
	words := x.road.words(x.full, i)
	base := int(x.road.base[i])
	end := base + len(words)<<6
	if x.p.hasGaps(e) {
		for t := from; t < end; t++ {
			if x.p.capacity(e, t) <= x.held.at(i, t) {
				words[(t-base)>>6] |= 1 << ((t - base) & 63)
			}
		}
		return
	}
	for t := x.held.nextUsed(i, from); t != noStep && t < end; t = x.held.nextUsed(i, t+1) {
		if x.p.capacity(e, t) <= x.held.at(i, t) {
			words[(t-base)>>6] |= 1 << ((t - base) & 63)
		}
	}
}

// nextFree returns the first step from t on at which edge i takes somebody, or noStep.
func (x *search) nextFree(i int32, t int) int {
	base, words := int(x.road.base[i]), x.road.words(x.full, i)
	at := nextClear(words, max(t-base, 0))
	if at >= len(words)<<6 {
		return noStep
	}
	return base + at
}

// prevFree returns the last step up to t at which edge i takes somebody, or noStep.
func (x *search) prevFree(i int32, t int) int {
	base, words := int(x.road.base[i]), x.road.words(x.full, i)
	if t < base || len(words) == 0 {
		return noStep
	}
	at := prevClear(words, min(t-base, len(words)<<6-1))
	if at < 0 {
		return noStep
	}
	return base + at
}

// levelAt returns the level of a node at a step.
func (x *search) levelAt(v int32, t int) int32 {
	list := x.levels[v]
	for len(list) > 6 {
		half := len(list) / 2
		if int(list[half-1].last) >= t {
			list = list[:half]
		} else {
			list = list[half:]
		}
	}
	for i := range list {
		if int(list[i].last) >= t {
			return list[i].roads
		}
	}
	return cutOff
}

// raise makes the level of a node at least what is given from step t on.
func (x *search) raise(v int32, t int, roads int32) {
	x.work++
	list := x.levels[v]
	i := 0
	for i < len(list) && int(list[i].last) < t {
		i++
	}
	j := i // list[i:j] rises
	for j < len(list) && list[j].roads < roads {
		j++
	}
	if i == j {
		return
	}
	var with [2]level
	n := 0
	if before := int32(t - 1); before >= 0 && (i == 0 || list[i-1].last < before) {
		with[n], n = level{before, list[i].roads}, n+1
	}
	if roads < cutOff && (j == len(list) || list[j].roads > roads) {
		with[n], n = level{list[j-1].last, roads}, n+1
	}
	x.levels[v] = slices.Replace(list, i, j, with[:n]...)
}

// earliest returns the first step at a node to which units that come there at step t can go back, by taking the
// places of others who wait.
func (x *search) earliest(v int32, t int) int {
	first := t
	if t > 0 {
		first = x.wait.prevIdle(v, t-1) + 1
	}
	if i := x.source[v]; i >= 0 && int(x.lastGone[i]) >= first {
		return 0
	}
	return first
}

// latest returns the last step at a node from which units can go back to step t.
func (x *search) latest(v int32, t int) int {
	if i := x.source[v]; i >= 0 {
		t = max(t, int(x.lastGone[i]))
	}
	return x.wait.nextIdle(v, t)
}

// compute finds the exact levels.
func (x *search) compute() {
	x.work = 0
	for v := range x.levels {
		x.levels[v], x.last[v] = x.levels[v][:0], noStep
	}
	x.next = x.next[:0]
	for k, v := range x.p.haven {
		if x.room[k] > 0 {
			x.mark(v, x.horizon, 1)
		}
	}
	for roads := int32(2); len(x.next) > 0; roads++ {
		x.front, x.next = x.next, x.front[:0]
		for _, v := range x.front {
			x.scan(v, x.lastBelow(v, roads), roads)
		}
	}
}

// lastBelow returns the last step of a node with a level below the given one, which is that of the round at hand.
func (x *search) lastBelow(v, roads int32) int {
	list := x.levels[v]
	i := len(list) - 1
	if list[i].roads == roads {
		i--
	}
	return int(list[i].last)
}

// mark says that from v one gets to a shelter by so many roads up to step t.
func (x *search) mark(v int32, t int, roads int32) {
	if t < int(x.reach[v]) || t <= int(x.last[v]) {
		return
	}
	t = x.latest(v, t)
	x.last[v] = int32(t)
	list := x.levels[v]
	if n := len(list); n > 0 && list[n-1].roads == roads {
		list[n-1].last = int32(t)
		return
	}
	x.levels[v] = append(list, level{int32(t), roads})
	x.next = append(x.next, v)
}

// scan spreads what is known of v up to step t over the roads that lead there.
func (x *search) scan(v int32, t int, roads int32) {
	p := x.p
	for _, i := range p.in(v) {
		e := &p.edges[i]
		if s := t - int(e.transit); s > int(x.last[e.from]) {
			if s = x.prevFree(i, s); s != noStep {
				x.mark(e.from, s, roads)
			}
		}
	}
	from, to := p.out(v)
	for i := from; i < to; i++ {
		if s := x.road.prevUsed(i, t); s != noStep {
			x.mark(p.edges[i].to, s+int(p.edges[i].transit), roads)
		}
	}
	if k := p.sink[v]; k >= 0 && int(x.firstKept[k]) <= t {
		x.mark(v, x.horizon, roads)
	}
}

// fill makes the flow a maximum flow of the horizon, or of the target if that is less. It reports false when it had
// to stop before.
func (x *search) fill(target int64, b *budget) bool {
	for x.value < target {
		if b.aborted() {
			return false
		}
		x.compute()
		var q heap.Heap[int32, int32] // of sources
		for i, o := range x.origins {
			if x.supply[i] > 0 {
				if roads := x.levelAt(o.node, 0); roads < cutOff {
					q.Push(roads, int32(i))
				}
			}
		}
		if len(q) == 0 {
			return true
		}
		for len(q) > 0 && x.value < target && x.work <= len(x.levels)*workPerNode {
			roads, i := q.Pop()
			if !x.augment(i, roads+1, target, b) {
				return false
			}
			if roads := x.levelAt(x.origins[i].node, 0); x.supply[i] > 0 && roads < cutOff {
				q.Push(roads, i)
			}
		}
	}
	return true
}

// workPerNode is how many levels may be raised, for each node, before they are computed anew.
const workPerNode = 2

// augment sends units of a source to shelters while its level is at most the given one. It reports false when it had
// to stop.
func (x *search) augment(i, most int32, target int64, b *budget) bool {
	v := x.origins[i].node
	x.path = append(x.path[:0], hop{node: v})
	for x.supply[i] > 0 && x.value < target {
		if b.tick() {
			return false
		}
		top := &x.path[len(x.path)-1]
		roads := x.levelAt(top.node, int(top.at))
		if len(x.path) == 1 && roads > most {
			return true
		}
		to, at, least := x.choose(top, roads)
		switch {
		case to == noNode:
			x.raise(top.node, x.earliest(top.node, int(top.at)), least)
			if len(x.path) > 1 {
				x.path = x.path[:len(x.path)-1]
			}
		case top.kind == hopStay:
			x.carry(i, target)
		default:
			x.path = append(x.path, hop{node: to, at: int32(at)})
		}
	}
	return true
}

// noNode says that there is no way on.
const noNode = -1

// choose completes a hop by a road to a level one lower and returns where and when it ends. Where there is none, it
// returns the least level that the node can have.
func (x *search) choose(h *hop, roads int32) (to int32, at int, least int32) {
	if roads >= cutOff {
		return noNode, 0, cutOff
	}
	p, v, t := x.p, h.node, int(h.at)
	least = cutOff
	k := p.sink[v]
	if k >= 0 && x.room[k] > 0 {
		if roads == 1 {
			*h = hop{node: v, at: h.at, kind: hopStay, id: k, leave: h.at, via: noStep}
			return v, t, 1
		}
		least = 1
	}
	first := x.earliest(v, t)
	from, end := p.out(v)
	for i := from; i < end; i++ {
		s := x.nextFree(i, first)
		if s == noStep {
			continue
		}
		e := &p.edges[i]
		switch l := x.levelAt(e.to, s+int(e.transit)); {
		case l == roads-1:
			x.leave(h, hopEnter, i, s, s)
			return e.to, s + int(e.transit), l
		case l < cutOff:
			least = min(least, l+1)
		}
	}
	for _, i := range p.in(v) {
		e := &p.edges[i]
		s := x.road.nextUsed(i, first-int(e.transit))
		if s == noStep {
			continue
		}
		switch l := x.levelAt(e.from, s); {
		case l == roads-1:
			x.leave(h, hopUndo, i, s, s+int(e.transit))
			return e.from, s, l
		case l < cutOff:
			least = min(least, l+1)
		}
	}
	if k >= 0 && x.room[k] == 0 && int(x.firstKept[k]) < first {
		s := x.firstKept[k]
		switch l := x.levelAt(v, int(s)); {
		case l == roads-1:
			*h = hop{node: v, at: h.at, kind: hopReplace, id: k, step: s, leave: h.at, via: noStep}
			return v, int(s), l
		case l < cutOff:
			least = min(least, l+1)
		}
	}
	return noNode, 0, least
}

// leave completes a hop that leaves its node at a step, by going back in time if need be.
func (x *search) leave(h *hop, kind hopKind, id int32, step, leave int) {
	h.kind, h.id, h.step, h.leave, h.via = kind, id, int32(step), int32(leave), noStep
	t := int(h.at)
	if leave >= t {
		return
	}
	i := x.source[h.node]
	if i < 0 || x.wait.prevIdle(h.node, t-1) < leave {
		return
	}
	// Others wait not long enough on the way, but at home.
	if via := x.gone.nextUsed(i, t); via != noStep {
		h.via = int32(via)
	} else {
		h.via = x.lastGone[i]
	}
}

// carry sends as many units as fit along the path, and takes back the part of it from the first place on that is
// full now.
func (x *search) carry(source int32, target int64) {
	units := int32(min(int64(x.supply[source]), target-x.value))
	for k := range x.path {
		units = min(units, x.limit(&x.path[k], k == 0))
	}
	for k := range x.path {
		x.apply(&x.path[k], units, k == 0)
	}
	x.supply[source] -= units
	x.value += int64(units)
	full := 0
	for full < len(x.path)-1 && x.limit(&x.path[full], full == 0) > 0 {
		full++
	}
	h := x.path[full]
	x.path = append(x.path[:full], hop{node: h.node, at: h.at})
}

// limit returns how many units a hop can carry. The first hop of a path sets out at home.
func (x *search) limit(h *hop, first bool) int32 {
	units := int32(Unlimited)
	switch h.kind {
	case hopEnter:
		units = x.p.capacity(&x.p.edges[h.id], int(h.step)) - x.road.at(h.id, int(h.step)) - x.held.at(h.id, int(h.step))
	case hopUndo:
		units = x.road.at(h.id, int(h.step))
	case hopReplace:
		units = x.kept.at(h.id, int(h.step))
	case hopStay:
		units = x.room[h.id]
	}
	switch {
	case first:
	case h.via != noStep:
		units = min(units, x.gone.at(x.source[h.node], int(h.via)))
		if h.via < h.at {
			units = min(units, x.wait.least(h.node, int(h.via), int(h.at)))
		}
	case h.leave < h.at:
		units = min(units, x.wait.least(h.node, int(h.leave), int(h.at)))
	}
	return units
}

// apply carries units along a hop.
func (x *search) apply(h *hop, units int32, first bool) {
	switch h.kind {
	case hopEnter:
		x.enter(h.id, int(h.step), units)
	case hopUndo:
		x.enter(h.id, int(h.step), -units)
	case hopReplace:
		x.stay(h.id, int(h.step), -units)
		x.stay(h.id, int(h.at), units)
	case hopStay:
		x.stay(h.id, int(h.at), units)
		x.room[h.id] -= units
	}
	switch {
	case first:
		x.setOut(x.source[h.node], int(h.leave), units)
	case h.via != noStep:
		i := x.source[h.node]
		x.hold(h.node, int(h.at), int(h.via), units)
		x.setOut(i, int(h.via), -units)
		x.setOut(i, int(h.leave), units)
	default:
		x.hold(h.node, int(h.at), int(h.leave), units)
	}
}

// hold lets units wait from one step to another, or where that is earlier lets others wait no more.
func (x *search) hold(v int32, from, to int, units int32) {
	if from <= to {
		x.wait.addAll(v, from, to, units)
	} else {
		x.wait.addAll(v, to, from, -units)
	}
}

func (x *search) enter(i int32, t int, units int32) {
	now := x.road.add(i, t, units)
	block, at := x.road.place(i, t)
	bit := uint64(1) << at
	if now+x.held.at(i, t) == x.p.capacity(&x.p.edges[i], t) {
		x.full[block] |= bit
	} else {
		x.full[block] &^= bit
	}
}

func (x *search) setOut(i int32, t int, units int32) {
	now := x.gone.add(i, t, units)
	switch last := int(x.lastGone[i]); {
	case now > 0 && t > last:
		x.lastGone[i] = int32(t)
	case now == 0 && t == last:
		x.lastGone[i] = int32(x.gone.prevUsed(i, t))
	}
}

func (x *search) stay(k int32, t int, units int32) {
	now := x.kept.add(k, t, units)
	switch first := int(x.firstKept[k]); {
	case now > 0 && t < first:
		x.firstKept[k] = int32(t)
	case now == 0 && t == first:
		x.firstKept[k] = unreachable
		if s := x.kept.nextUsed(k, t); s != noStep {
			x.firstKept[k] = int32(s)
		}
	}
}
