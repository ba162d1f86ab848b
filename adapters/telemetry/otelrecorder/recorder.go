package otelrecorder

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

// Attribute keys. Their values come from closed sets.
const (
	keyModel        = attribute.Key("model")
	keyModelVersion = attribute.Key("model_version")
	keyDigest       = attribute.Key("digest")
	keyLevel        = attribute.Key("level")
	keyKind         = attribute.Key("kind")
	keyOutcome      = attribute.Key("outcome")
	keyCall         = attribute.Key("call")
	keyVersion      = attribute.Key("version")
	keyRevision     = attribute.Key("revision")
	keyClass        = attribute.Key("class")
	keyReason       = attribute.Key("reason")
	keyGoVersion    = attribute.Key("go_version")
)

// Bounds on names that callers bring: models and their versions, and the combinations of transport,
// route and code. What is beyond is recorded as "other".
const (
	maxModels   = 16
	maxVersions = 64
	maxRequests = 1024
	other       = "other"
)

// Boundaries in seconds. The SDK's defaults suit milliseconds.
var (
	// One answer takes microseconds, a batch or a later capability up to seconds.
	assessBuckets = []float64{
		1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, .1, .2, .5, 1, 2, 5, 10,
	}
	// The process's own memory answers within a microsecond, Redis within milliseconds, and nobody
	// waits longer than 50 ms.
	lookupBuckets = []float64{
		1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, .1, .25,
	}
	requestBuckets = []float64{
		1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, .1, .25, .5, 1, 2.5, 5, 10,
	}
	loadBuckets = []float64{1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, .1, .25, .5, 1, 2.5, 5, 10}
)

// Recorder implements ports.Recorder on a meter. The sets of attributes are built once for each
// combination that occurs.
type Recorder struct {
	assessDuration histogram
	lookupDuration histogram
	httpDuration   histogram
	rpcDuration    histogram
	loadDuration   histogram

	models   intern[domain.ModelName, modelSets]
	versions intern[versionKey, versionSets]
	requests intern[requestKey, requestSet]

	shed [ports.NumClasses][ports.NumShedReasons]tally

	mu     sync.Mutex
	loaded map[domain.ModelName]domain.ModelRef // newest of each model that loaded well
}

var _ ports.Recorder = (*Recorder)(nil)

// newRecorder creates the instruments.
func newRecorder(meter metric.Meter, d durations) (*Recorder, error) {
	r := &Recorder{loaded: make(map[domain.ModelName]domain.ModelRef)}
	r.models.limit, r.models.other = maxModels, other
	r.models.own, r.models.value = ownModel, r.newModelSets
	r.versions.limit, r.versions.other = maxVersions, versionKey{other, other}
	r.versions.own, r.versions.value = versionKey.own, r.newVersionSets
	r.requests.limit, r.requests.other = maxRequests, requestKey{transport: other, route: other, code: other}
	r.requests.own, r.requests.value = requestKey.own, r.newRequestSet

	var errs []error
	count := func(name, unit, description string, observe metric.Int64Callback) {
		_, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description), metric.WithInt64Callback(observe))
		errs = append(errs, err)
	}
	r.assessDuration = d.histogram("guardy.assess.duration", "Time of one call of a model, for a single question or a batch.", assessBuckets)
	count("guardy.assess.computed", "{assessment}", "Answers that a model computed, cached answers not included.",
		observed(&r.versions, func(s *versionSets) []tally { return s.computed[:] }))
	count("guardy.assessments", "{assessment}", "Answers served, computed or cached, by level.",
		observed(&r.versions, func(s *versionSets) []tally { return s.levels[:] }))
	count("guardy.assess.failures", "{assessment}", "Questions that were not answered, by kind of error.",
		observed(&r.models, func(s *modelSets) []tally { return s.failures[:] }))
	count("guardy.cache.lookups", "{lookup}", "Cache lookups by outcome.",
		observed(&r.models, func(s *modelSets) []tally { return s.lookups[:] }))
	for class := range r.shed {
		for reason := range r.shed[class] {
			r.shed[class][reason].of(keyClass.String(ports.Class(class).String()), keyReason.String(ports.ShedReason(reason).String()))
		}
	}
	count("guardy.admission.shed", "{request}", "Requests that were refused because the service was at its limit, by class and reason.", r.observeShed)
	r.lookupDuration = d.histogram("guardy.cache.lookup.duration", "Time of one cache lookup, of one key or many.", lookupBuckets)
	r.httpDuration = d.histogram("http.server.request.duration", "Duration of HTTP server requests.", requestBuckets)
	r.rpcDuration = d.histogram("rpc.server.call.duration", "Duration of inbound remote procedure calls.", requestBuckets)
	count("guardy.model.loads", "{load}", "Attempts to load a model, by outcome.",
		observed(&r.models, func(s *modelSets) []tally { return s.loads[:] }))
	r.loadDuration = d.histogram("guardy.model.load.duration", "Time to load and verify a model.", loadBuckets)
	_, err := meter.Int64ObservableGauge("guardy.model.info",
		metric.WithDescription("Always 1; the attributes name the model in service."),
		metric.WithInt64Callback(r.observeModels))
	errs = append(errs, err, d.err())
	return r, errors.Join(errs...)
}

// Predicted implements ports.Recorder.
func (r *Recorder) Predicted(ctx context.Context, m domain.ModelRef, _ *domain.LevelCounts, n int, took time.Duration) {
	if n <= 0 {
		return
	}
	s := r.versions.get(versionKey{m.Name, m.Version})
	call := s.single
	if n > 1 {
		call = s.batch
	}
	call.record(ctx, max(took, 0))
	s.computed[0].add(n)
}

// Served implements ports.Recorder. Answers whose level nobody gave count as unknown.
func (r *Recorder) Served(_ context.Context, m domain.ModelRef, levels *domain.LevelCounts, n int) {
	if n <= 0 {
		return
	}
	s := r.versions.get(versionKey{m.Name, m.Version})
	rest := n
	if levels != nil {
		for level, c := range levels {
			if c > 0 {
				s.levels[level].add(int(c))
				rest -= int(c)
			}
		}
	}
	if rest > 0 {
		s.levels[domain.LevelUnknown].add(rest)
	}
}

// Failed implements ports.Recorder.
func (r *Recorder) Failed(_ context.Context, model domain.ModelName, kind domain.Kind, n int) {
	if n <= 0 {
		return
	}
	if kind >= numKinds {
		kind = domain.KindInternal
	}
	r.models.get(model).failures[kind].add(n)
}

// CacheLookup implements ports.Recorder.
func (r *Recorder) CacheLookup(ctx context.Context, model domain.ModelName, o domain.CacheOutcome, n int, took time.Duration) {
	if n <= 0 || o >= domain.NumCacheOutcomes {
		return
	}
	s := r.models.get(model)
	s.lookups[o].add(n)
	s.lookupTimes[o].record(ctx, max(took, 0))
}

// Requested implements ports.Recorder.
func (r *Recorder) Requested(ctx context.Context, transport, route, code string, failed bool, took time.Duration) {
	r.requests.get(requestKey{transport, route, code, failed}).record(ctx, max(took, 0))
}

// Shed implements ports.Recorder.
func (r *Recorder) Shed(_ context.Context, class ports.Class, reason ports.ShedReason) {
	if class < ports.NumClasses && reason < ports.NumShedReasons {
		r.shed[class][reason].add(1)
	}
}

// Loaded implements ports.Recorder.
func (r *Recorder) Loaded(ctx context.Context, m domain.ModelRef, took time.Duration, err error) {
	s := r.models.get(m.Name)
	s.loadTime.record(ctx, max(took, 0))
	if err != nil {
		s.loads[loadFailed].add(1)
		return
	}
	s.loads[loadOK].add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.loaded[m.Name]; known || len(r.loaded) < maxModels {
		r.loaded[m.Name] = m
	}
}

// observeShed reports the tallies of what was shed. A class that was never shed reports zero, so that a rate can
// be taken of its first.
func (r *Recorder) observeShed(_ context.Context, o metric.Int64Observer) error {
	for class := range r.shed {
		for reason := range r.shed[class] {
			t := &r.shed[class][reason]
			o.Observe(t.n.Load(), t.attributes...)
		}
	}
	return nil
}

func (r *Recorder) observeModels(_ context.Context, o metric.Int64Observer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.loaded {
		o.Observe(1, metric.WithAttributes(
			keyModel.String(string(m.Name)), keyModelVersion.String(m.Version), keyDigest.String(m.Digest)))
	}
	return nil
}

// numKinds counts the kinds of errors.
const numKinds = domain.KindCanceled + 1

// modelSets are the attributes of facts about one model, whichever its version.
type modelSets struct {
	failures    [numKinds]tally
	lookups     [domain.NumCacheOutcomes]tally
	lookupTimes [domain.NumCacheOutcomes]durationSeries
	loads       [2]tally
	loadTime    durationSeries
}

// Indices of loads.
const (
	loadOK = iota
	loadFailed
)

func (r *Recorder) newModelSets(name domain.ModelName) *modelSets {
	s, model := new(modelSets), keyModel.String(text(string(name)))
	for k := range s.failures {
		s.failures[k].of(model, keyKind.String(domain.Kind(k).String()))
	}
	for o := range s.lookups {
		outcome := keyOutcome.String(domain.CacheOutcome(o).String())
		s.lookups[o].of(model, outcome)
		s.lookupTimes[o] = r.lookupDuration.with(model, outcome)
	}
	s.loads[loadOK].of(model, keyOutcome.String("ok"))
	s.loads[loadFailed].of(model, keyOutcome.String("failed"))
	s.loadTime = r.loadDuration.with(model)
	return s
}

func ownModel(n domain.ModelName) domain.ModelName { return domain.ModelName(strings.Clone(string(n))) }

type versionKey struct {
	name    domain.ModelName
	version string
}

func (k versionKey) own() versionKey { return versionKey{ownModel(k.name), strings.Clone(k.version)} }

// versionSets are the attributes of facts about one version of a model.
type versionSets struct {
	single, batch durationSeries
	computed      [1]tally
	levels        [domain.NumLevels]tally
}

func (r *Recorder) newVersionSets(k versionKey) *versionSets {
	model, version := keyModel.String(text(string(k.name))), keyModelVersion.String(text(k.version))
	s := &versionSets{
		single: r.assessDuration.with(model, version, keyCall.String("single")),
		batch:  r.assessDuration.with(model, version, keyCall.String("batch")),
	}
	s.computed[0].of(model, version)
	for l := range s.levels {
		s.levels[l].of(model, version, keyLevel.String(domain.Level(l).String()))
	}
	return s
}

type requestKey struct {
	transport, route, code string
	failed                 bool
}

func (k requestKey) own() requestKey {
	return requestKey{strings.Clone(k.transport), strings.Clone(k.route), strings.Clone(k.code), k.failed}
}

// requestSet is where a request is recorded.
type requestSet struct{ durationSeries }

// newRequestSet follows the semantic conventions of HTTP for the transport "http", whose routes read
// "POST /api/v1/predict/flood-risk", and those of RPC for the others.
func (r *Recorder) newRequestSet(k requestKey) *requestSet {
	code := text(k.code)
	var attributes []attribute.KeyValue
	if k.failed {
		attributes = append(attributes, semconv.ErrorTypeKey.String(code))
	}
	if k.transport == "http" {
		method, path, ok := strings.Cut(k.route, " ")
		if !ok {
			method, path = "_OTHER", k.route
		}
		status, _ := strconv.Atoi(code) // 0 where a transport has no status to tell
		return &requestSet{r.httpDuration.with(append(attributes,
			semconv.HTTPRequestMethodKey.String(text(method)), semconv.HTTPRoute(text(path)),
			semconv.HTTPResponseStatusCode(status), semconv.URLScheme("http"))...)}
	}
	system := text(k.transport)
	if system == "connect" {
		system = semconv.RPCSystemNameConnectrpc.Value.AsString()
	}
	return &requestSet{r.rpcDuration.with(append(attributes,
		semconv.RPCSystemNameKey.String(system), semconv.RPCMethod(text(k.route)), semconv.RPCResponseStatusCode(code))...)}
}

// text makes s valid UTF-8, without which an exporter refuses the whole page.
func text(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
