package contractjson

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
)

// Batch is a request about many locations.
type Batch struct {
	Locations []FloodRisk `json:"locations"`
}

func (*Batch) maxItems(o Options) int { return o.MaxBatch }

// Recycled returns the batch for use by a later request, unless it is large.
func (b Batch) Recycled() Batch {
	if cap(b.Locations) > maxPooledItems {
		return Batch{}
	}
	clear(b.Locations)
	return Batch{b.Locations[:0]}
}

// Questions adds the questions of a decoded batch to items and makes room for their answers. decoded is what
// Decode said, most the number of locations that are allowed. What is wrong with one location is the error of its
// item. What is wrong with the batch refuses it, with everything that is wrong in one error.
func (b *Batch) Questions(decoded error, most int, how Asking, items *Items) error {
	if unreadable(decoded) {
		return decoded
	}
	byItem, whole := strictjson.ByItem(strictjson.Violations(decoded), batchList)
	if len(whole) == 0 {
		if v := strictjson.CheckCount(batchList, len(b.Locations), most); v != nil {
			whole = append(whole, *v)
		}
	}
	items.makeRoom(len(b.Locations))
	var r risk.Request
	for i := range b.Locations {
		prefix := batchPrefix(i)
		bad := append(byItem[i], strictjson.Under(prefix, b.Locations[i].into(&r, how))...)
		if len(bad) == 0 && len(whole) == 0 {
			items.Add(&r, nil)
			continue
		}
		bad = strictjson.Merge(bad, strictjson.Under(prefix, r.Validate()))
		items.Add(&r, domain.Invalid("contract", bad))
		if len(whole) > 0 {
			whole = append(whole, bad...)
		}
	}
	items.MakeOutcomes()
	return domain.Invalid("contract", whole)
}

// maxPooledItems is the batch size above which the memory of a batch is left to the collector. Making it anew
// costs more than the answers: 11 kB a location.
const maxPooledItems = 1024

// Items are what becomes of the items of a batch. Items that can be asked lie in Requests and
// Outcomes without gaps; at says where, or -1 for an item whose error is in refused.
type Items struct {
	Requests []risk.Request
	Outcomes []risk.Outcome
	at       []int
	refused  map[int]error
}

// Recycled returns the memory of the items for use by a later request, unless there is much of it.
func (b Items) Recycled() Items {
	if cap(b.Requests) > maxPooledItems {
		return Items{}
	}
	clear(b.Requests)
	clear(b.Outcomes)
	return Items{Requests: b.Requests[:0], Outcomes: b.Outcomes[:0], at: b.at[:0]}
}

// makeRoom expects n items.
func (b *Items) makeRoom(n int) {
	b.Requests, b.at = slices.Grow(b.Requests, n), slices.Grow(b.at, n)
}

// Add takes one item, or the error for which it is refused.
func (b *Items) Add(r *risk.Request, err error) {
	if err != nil {
		if b.refused == nil {
			b.refused = map[int]error{}
		}
		b.refused[len(b.at)] = err
		b.at = append(b.at, -1)
		return
	}
	b.at = append(b.at, len(b.Requests))
	b.Requests = append(b.Requests, *r)
}

// MakeOutcomes makes room for the answers of the requests.
func (b *Items) MakeOutcomes() {
	b.Outcomes = append(b.Outcomes[:0], make([]risk.Outcome, len(b.Requests))...)
}

// Len is the number of items.
func (b *Items) Len() int { return len(b.at) }

// result returns what became of item i.
func (b *Items) result(i int) (*risk.Request, *risk.Assessment, error) {
	if at := b.at[i]; at >= 0 {
		return &b.Requests[at], &b.Outcomes[at].Assessment, b.Outcomes[at].Err
	}
	return nil, nil, b.refused[i]
}

// batchPrefix is the pointer to item i of a batch.
func batchPrefix(i int) string { return batchList + "/" + strconv.Itoa(i) }

const batchList = "/locations"

// AppendItem appends item i as one of a stream, whose first item has the index first.
func (b *Items) AppendItem(dst []byte, i, first int) []byte {
	r, a, err := b.result(i)
	return appendItem(dst, first+i, r, a, err, "")
}

// AppendItemError appends the item with that index, which could not be answered.
func AppendItemError(dst []byte, index int, err error) []byte {
	return appendItem(dst, index, nil, nil, err, "")
}

// appendItem appends item index of a batch or a stream. prefix is the pointer to the item.
func appendItem(b []byte, index int, r *risk.Request, a *risk.Assessment, err error, prefix string) []byte {
	b = append(b, `{"index":`...)
	b = strconv.AppendInt(b, int64(index), 10)
	if err == nil {
		b = append(b, `,"status":"ok",`...)
		b = appendAssessment(b, r, a)
		return append(b, '}')
	}
	return append(appendItemError(b, err, prefix), '}')
}

// usualAnswer is more than most answers take, in bytes; with factors it is 1200.
const usualAnswer = 2 << 10

// AppendBatch appends the answer of a batch.
func AppendBatch(b []byte, items *Items, version string, took time.Duration) []byte {
	b = append(b, `{"predictions":[`...)
	failed, high := 0, 0
	for i := range items.at {
		if i > 0 {
			b = append(b, ',')
		}
		if cap(b)-len(b) < usualAnswer {
			// Double it: append alone grows a large buffer by a quarter and copies the answers of ten thousand places four times.
			b = slices.Grow(b, max(usualAnswer, cap(b)))
		}
		r, a, err := items.result(i)
		prefix := ""
		switch {
		case err != nil:
			failed++
			if items.at[i] >= 0 { // the use case knows the item only
				prefix = batchPrefix(i)
			}
		case a.Level >= domain.LevelHigh:
			high++
		}
		b = appendItem(b, i, r, a, err, prefix)
	}
	b = append(b, `],"total_locations":`...)
	b = strconv.AppendInt(b, int64(len(items.at)), 10)
	b = append(b, `,"successful":`...)
	b = strconv.AppendInt(b, int64(len(items.at)-failed), 10)
	b = append(b, `,"failed":`...)
	b = strconv.AppendInt(b, int64(failed), 10)
	b = append(b, `,"high_risk_count":`...)
	b = strconv.AppendInt(b, int64(high), 10)
	b = append(b, `,"processing_time_ms":`...)
	b = appendFloat(b, math.Round(milliseconds(took)*1000)/1000, 64)
	b = append(b, `,"model_version":`...)
	b = appendString(b, version)
	return append(b, '}')
}
