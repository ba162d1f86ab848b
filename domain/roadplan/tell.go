package roadplan

import (
	"cmp"
	"math"
	"slices"

	"github.com/guardy-ai/guardy/domain/evacuation"
	"github.com/guardy-ai/guardy/domain/geo"
	"github.com/guardy-ai/guardy/domain/quickest"
	"github.com/guardy-ai/guardy/domain/quickest/replay"
	"github.com/guardy-ai/guardy/domain/roads"
)

// tally sums up the departures of a plan as they are made: there are as many as people.
type tally struct {
	g      *graph
	replay *replay.Replay
	zones  []zoneTally
}

// zoneTally is what the people of one zone do.
type zoneTally struct {
	over   map[int32]int64  // people by edge
	leave  map[int32][]slot // by node of a source
	stay   map[int32]int64  // people by node of a sink
	people int64
}

// slot is people who set out at a step.
type slot struct {
	step   int32
	people int64
}

func newTally(g *graph, zones int) *tally {
	t := &tally{g: g, replay: replay.New(&g.network, &g.scenario), zones: make([]zoneTally, zones)}
	for z := range t.zones {
		t.zones[z] = zoneTally{over: map[int32]int64{}, leave: map[int32][]slot{}, stay: map[int32]int64{}}
	}
	return t
}

// add counts a departure.
func (t *tally) add(d *quickest.Departure) {
	t.replay.Depart(d)
	z := &t.zones[d.Rank]
	for step := d.First; step <= d.Last; step++ {
		z.leave[d.Source] = append(z.leave[d.Source], slot{int32(step), int64(d.Units)})
	}
	people := int64(d.Units) * int64(d.Last-d.First+1)
	for _, e := range d.Path {
		z.over[e] += people
	}
	z.stay[d.Sink] += people
	z.people += people
}

// way is one way on which people of a zone go from one node or from several on it to a shelter's.
type way struct {
	sink    int32
	path    []int32 // edges
	seconds float64
	people  int64
	leave   []slot // steps are seconds here
}

// ways takes the people of a zone apart by ways, few and full ones: whoever sets out farthest from the shelters takes the
// roads that most people take, and whoever lives on such a way joins it. Over the time of the plan every road and every
// shelter has as many people as in the plan; who of them goes to which shelter is free.
func (t *tally) ways(z int, left []float64, clearance float64) []way {
	zt := &t.zones[z]
	w := splitter{tally: t, zoneTally: zt, out: t.leaving(zt), at: map[uint64]int{}, seen: map[int32]int{}}
	sources := make([]int32, 0, len(zt.leave))
	for v := range zt.leave {
		sources = append(sources, v)
	}
	slices.SortFunc(sources, func(a, b int32) int { return cmp.Or(cmp.Compare(left[b], left[a]), cmp.Compare(a, b)) })
	for _, v := range sources {
		var own []way
		var waiting int64
		for _, s := range zt.leave[v] {
			waiting += s.people
		}
		for waiting > 0 {
			one := w.walk(v, waiting)
			waiting -= one.people
			own = append(own, one)
		}
		w.schedule(v, own, clearance)
		for i := range own {
			w.join(&own[i])
		}
	}
	return w.done
}

// leaving returns the used edges by tail.
func (t *tally) leaving(z *zoneTally) map[int32][]int32 {
	edges := make([]int32, 0, len(z.over))
	for e := range z.over {
		edges = append(edges, e)
	}
	slices.Sort(edges)
	out := map[int32][]int32{}
	for _, e := range edges {
		from := t.g.network.Edges[e].From
		out[from] = append(out[from], e)
	}
	return out
}

// splitter takes people apart.
type splitter struct {
	*tally
	*zoneTally
	out  map[int32][]int32
	seen map[int32]int  // by node: its place on the walk
	at   map[uint64]int // the way that ends so, by the hash of the end
	done []way
}

// walk follows at most so many people from a node, and takes them out, as well as the rounds that it comes into.
func (w *splitter) walk(v int32, people int64) way {
	edges := w.g.network.Edges
	var path []int32
	clear(w.seen)
	w.seen[v] = 0
	for w.stay[v] == 0 {
		best := int32(-1)
		for _, e := range w.out[v] {
			if w.over[e] > 0 && (best < 0 || w.over[e] > w.over[best]) {
				best = e
			}
		}
		path = append(path, best)
		v = edges[best].To
		if at, again := w.seen[v]; again {
			round := path[at:]
			w.take(round, w.least(round, math.MaxInt64))
			for _, e := range round {
				delete(w.seen, edges[e].To)
			}
			path = path[:at]
		}
		w.seen[v] = len(path)
	}
	one := way{sink: v, path: path, people: min(w.least(path, people), w.stay[v])}
	w.take(path, one.people)
	w.stay[v] -= one.people
	for _, e := range path {
		one.seconds += w.g.links[e].Seconds
	}
	return one
}

func (w *splitter) least(path []int32, people int64) int64 {
	for _, e := range path {
		people = min(people, w.over[e])
	}
	return people
}

func (w *splitter) take(path []int32, people int64) {
	for _, e := range path {
		w.over[e] -= people
	}
}

// schedule gives the times at which people leave a node to its ways, the earliest to the longest, and none so late that
// the way does not end by the clearance.
func (w *splitter) schedule(v int32, ways []way, clearance float64) {
	slots := w.leave[v]
	slices.SortFunc(slots, func(a, b slot) int { return cmp.Compare(a.step, b.step) })
	slices.SortStableFunc(ways, func(a, b way) int { return cmp.Compare(b.seconds, a.seconds) })
	i := 0
	for k := range ways {
		latest := max(clearance-ways[k].seconds, 0)
		for need := ways[k].people; need > 0; {
			n := min(need, slots[i].people)
			at := min(w.g.clock[v]+stepSeconds*float64(slots[i].step), latest)
			ways[k].leave = append(ways[k].leave, slot{int32(at), n})
			need -= n
			if slots[i].people -= n; slots[i].people == 0 {
				i++
			}
		}
	}
}

// join adds a way to those that there are, to a longer one that ends like it where there is one.
func (w *splitter) join(one *way) {
	const prime = 1099511628211 // of the hash FNV-1a
	hash := uint64(one.sink)*prime + 1
	hashes := make([]uint64, len(one.path)+1)
	hashes[len(one.path)] = hash
	for k := len(one.path) - 1; k >= 0; k-- {
		hash = (hash ^ uint64(one.path[k]+1)) * prime
		hashes[k] = hash
	}
	if i, ok := w.at[hash]; ok {
		if long := &w.done[i]; endsWith(long.path, one.path) && long.sink == one.sink {
			long.people += one.people
			long.leave = append(long.leave, one.leave...)
			return
		}
	}
	for _, h := range hashes {
		if _, ok := w.at[h]; !ok {
			w.at[h] = len(w.done)
		}
	}
	w.done = append(w.done, *one)
}

func endsWith(path, end []int32) bool {
	return len(path) >= len(end) && slices.Equal(path[len(path)-len(end):], end)
}

// tell completes the answer with what the plan says.
func (d *draft) tell(g *graph, t *tally, plan *quickest.Plan) {
	a := d.answer
	busy := d.busyRoads(t)
	room := make([]int64, len(a.Shelters))
	for i := range room {
		room[i] = int64(g.scenario.Sinks[i].Capacity)
	}
	for z := range t.zones {
		if z >= len(plan.Ranks) || t.zones[z].people == 0 {
			continue
		}
		clearance := float64(plan.Ranks[z].Clearance * stepSeconds)
		for _, w := range t.ways(z, g.left, clearance) {
			d.split(g, z, &w, clearance, room, busy)
		}
	}
	slices.SortStableFunc(a.Routes, func(x, y evacuation.Route) int {
		return cmp.Or(cmp.Compare(x.Zone, y.Zone), cmp.Compare(y.People, x.People))
	})
	for i := range a.Shelters {
		s := &a.Shelters[i]
		if s.Status == evacuation.ShelterOpen && s.Assigned > 0 && s.Assigned == int64(g.scenario.Sinks[i].Capacity) {
			s.Status = evacuation.ShelterFull
		}
	}
	a.Plan.Bottlenecks = worst(busy)
}

// split tells a way as a route to each of the shelters at its end that take its people.
func (d *draft) split(g *graph, zone int, w *way, clearance float64, room []int64, busy map[int32]*evacuation.Bottleneck) {
	slices.SortStableFunc(w.leave, func(a, b slot) int { return cmp.Compare(a.step, b.step) })
	for _, shelter := range g.shelters[w.sink] {
		people := min(room[shelter], w.people)
		if people == 0 {
			continue
		}
		room[shelter] -= people
		w.people -= people
		r := d.route(g, w, zone, shelter, busy)
		r.People = people
		var part []slot
		for people > 0 {
			n := min(people, w.leave[0].people)
			part = append(part, slot{w.leave[0].step, n})
			people -= n
			if w.leave[0].people -= n; w.leave[0].people == 0 {
				w.leave = w.leave[1:]
			}
		}
		r.Departures = windows(part, clearance-r.TravelSeconds, d.request.PersonsPerVehicle)
		d.answer.Shelters[shelter].Assigned += r.People
		d.answer.Routes = append(d.answer.Routes, r)
	}
}

const (
	windowSeconds = 300
	// windowPeople is by how many people, or by which share of the way's, a window may be wrong at any time.
	windowPeople, windowShare = 5, 0.05
)

// windows tells slots in order as times in which people leave at an even rate, in whole windows from the order to leave on.
// A window grows as long as an even rate is about right. None ends after latest.
func windows(slots []slot, latest, perVehicle float64) []evacuation.Departure {
	var all int64
	for _, s := range slots {
		all += s.people
	}
	tolerance := max(windowPeople, windowShare*float64(all))
	var out []evacuation.Departure
	for len(slots) > 0 {
		first := int64(slots[0].step) / windowSeconds
		n, people := 0, int64(0)
		for n < len(slots) {
			next, more := n, int64(0)
			window := int64(slots[n].step) / windowSeconds
			for next < len(slots) && int64(slots[next].step)/windowSeconds == window {
				more += slots[next].people
				next++
			}
			if n > 0 && !isEven(slots[:next], first, window+1, people+more, tolerance) {
				break
			}
			n, people = next, people+more
		}
		end := (int64(slots[n-1].step)/windowSeconds + 1) * windowSeconds
		to := min(float64(end), max(latest, 1))
		from := min(float64(first*windowSeconds), max(to-windowSeconds, 0))
		out = append(out, evacuation.Departure{
			FromMinutes: from / 60, ToMinutes: to / 60, People: people,
			VehiclesPerMinute: round3(float64(people) / perVehicle / ((to - from) / 60)),
		})
		slots = slots[n:]
	}
	return out
}

// isEven reports whether people who leave at an even rate between two windows are never farther from the slots than the
// tolerance at the end of a window.
func isEven(slots []slot, first, end, people int64, tolerance float64) bool {
	var left int64
	k := 0
	for w := first + 1; w <= end; w++ {
		for k < len(slots) && int64(slots[k].step) < w*windowSeconds {
			left += slots[k].people
			k++
		}
		even := float64(people) * float64(w-first) / float64(end-first)
		if math.Abs(even-float64(left)) > tolerance {
			return false
		}
	}
	return true
}

// round3 keeps three digits.
func round3(v float64) float64 {
	if v == 0 {
		return 0
	}
	unit := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*unit) / unit
}

// route returns the way as a route, without people.
func (d *draft) route(g *graph, w *way, zone, shelter int, busy map[int32]*evacuation.Bottleneck) evacuation.Route {
	n := d.ground.region.Roads
	r := evacuation.Route{Zone: zone, Shelter: shelter}
	for _, e := range w.path {
		r.LengthM += g.links[e].Metres
		r.TravelSeconds += g.links[e].Seconds
		if b := busy[e]; b != nil && (r.Bottleneck == nil || b.SaturatedMinutes > r.Bottleneck.SaturatedMinutes) {
			r.Bottleneck = b
		}
		for _, s := range g.links[e].Steps {
			line := n.Line(s.Segment())
			if s.IsBackward() {
				line.A, line.B = line.B, line.A
			}
			if len(r.Line) == 0 {
				r.Line = append(r.Line, line.A)
			}
			r.Line = append(r.Line, line.B)
		}
	}
	if r.Bottleneck != nil {
		own := *r.Bottleneck
		r.Bottleneck = &own
	}
	if len(r.Line) == 0 { // who lives beside the shelter does not drive
		s := &d.ground.region.Shelters[shelter]
		r.Line = []geo.Point{n.Point(s.Vertex), s.Point}
	}
	r.Line = slices.Clone(geo.Simplify(r.Line, simplifyMetres))
	r.LengthM, r.TravelSeconds = math.Round(r.LengthM), math.Round(10*r.TravelSeconds)/10
	return r
}

// simplifyMetres is how far a line that is told may be from the road.
const simplifyMetres = 5

// busyRoads returns the edges that carry all they can for a while, by number.
func (d *draft) busyRoads(t *tally) map[int32]*evacuation.Bottleneck {
	n, g := d.ground.region.Roads, t.g
	busy := map[int32]*evacuation.Bottleneck{}
	for e := range g.links {
		full, people := 0, int64(0)
		t.replay.Loads(int32(e), func(step int, units int64) {
			people += units
			if edge := &g.network.Edges[e]; units == g.network.Entries(edge, step+1)-g.network.Entries(edge, step) {
				full++
			}
		})
		if full == 0 {
			continue
		}
		link := &g.links[e]
		way := n.Way(narrowest(n, link))
		busy[int32(e)] = &evacuation.Bottleneck{
			Way: way.ID, Name: way.Name, From: n.Point(link.From), To: n.Point(link.To),
			VehiclesPerHour: float64(link.Capacity), PeopleOverIt: people, SaturatedMinutes: math.Round(10*minutes(full)) / 10,
		}
	}
	return busy
}

// maxBottlenecks bounds how many are told.
const maxBottlenecks = 10

// worst returns the roads that are full longest, each way once.
func worst(busy map[int32]*evacuation.Bottleneck) []evacuation.Bottleneck {
	edges := make([]int32, 0, len(busy))
	for e := range busy {
		edges = append(edges, e)
	}
	slices.SortFunc(edges, func(a, b int32) int {
		return cmp.Or(cmp.Compare(busy[b].SaturatedMinutes, busy[a].SaturatedMinutes), cmp.Compare(busy[b].PeopleOverIt, busy[a].PeopleOverIt), cmp.Compare(a, b))
	})
	var out []evacuation.Bottleneck
	seen := map[int64]bool{}
	for _, e := range edges {
		if b := busy[e]; !seen[b.Way] && len(out) < maxBottlenecks {
			seen[b.Way] = true
			out = append(out, *b)
		}
	}
	return out
}

// narrowest returns the segment that bounds what a link takes.
func narrowest(n *roads.Network, l *roads.Link) roads.Segment {
	for _, s := range l.Steps {
		if n.Way(s.Segment()).Capacity == l.Capacity {
			return s.Segment()
		}
	}
	return l.Steps[0].Segment()
}
