package fiberhttp

import (
	"slices"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/vector"
)

// wireRequest is a flood-risk request.
type wireRequest struct {
	Latitude          float64   `json:"latitude" missing:"nan"`
	Longitude         float64   `json:"longitude" missing:"nan"`
	RainfallMM        float64   `json:"rainfall_mm" missing:"nan"`
	Temperature       float64   `json:"temperature" missing:"nan"`
	Humidity          float64   `json:"humidity" missing:"nan"`
	LocationID        string    `json:"location_id"`
	LocationName      string    `json:"location_name"`
	Date              *string   `json:"date"`
	Rainfall7dMean    float64   `json:"rainfall_7d_mean" missing:"nan"`
	Rainfall30dMean   float64   `json:"rainfall_30d_mean" missing:"nan"`
	RainfallHistoryMM []float64 `json:"rainfall_history_mm"`
	Temperature7dMean float64   `json:"temperature_7d_mean" missing:"nan"`
	Temperature30d    float64   `json:"temperature_30d_mean" missing:"nan"`
	River             wireRiver `json:"river"`
	Site              wireSite  `json:"site"`
	Explain           *bool     `json:"explain"`
}

// wireRiver and wireSite have the fields of their counterparts in the same order, so that they
// convert as a whole and the compiler sees when one changes.
type wireRiver struct {
	Value          float64 `json:"value" missing:"nan"`
	Normal         float64 `json:"normal" missing:"nan"`
	FloodThreshold float64 `json:"flood_threshold" missing:"nan"`
}

type wireSite struct {
	ElevationM                 float64 `json:"elevation_m" missing:"nan"`
	SlopeMPerKM                float64 `json:"slope_m_per_km" missing:"nan"`
	AreaKM2                    float64 `json:"area_km2" missing:"nan"`
	SoilDepthM                 float64 `json:"soil_depth_m" missing:"nan"`
	SoilPorosity               float64 `json:"soil_porosity" missing:"nan"`
	SoilConductivityCMH        float64 `json:"soil_conductivity_cm_h" missing:"nan"`
	SoilWaterCapacityM         float64 `json:"soil_water_capacity_m" missing:"nan"`
	SandPercent                float64 `json:"sand_percent" missing:"nan"`
	SiltPercent                float64 `json:"silt_percent" missing:"nan"`
	ClayPercent                float64 `json:"clay_percent" missing:"nan"`
	PrecipitationMeanMMDay     float64 `json:"precipitation_mean_mm_day" missing:"nan"`
	PETMeanMMDay               float64 `json:"pet_mean_mm_day" missing:"nan"`
	PrecipitationSeasonality   float64 `json:"precipitation_seasonality" missing:"nan"`
	SnowFraction               float64 `json:"snow_fraction" missing:"nan"`
	Aridity                    float64 `json:"aridity" missing:"nan"`
	HighPrecipitationDays      float64 `json:"high_precipitation_days" missing:"nan"`
	ForestFraction             float64 `json:"forest_fraction" missing:"nan"`
	LeafAreaIndexMax           float64 `json:"leaf_area_index_max" missing:"nan"`
	GeologyPermeabilityLog10M2 float64 `json:"geology_permeability_log10_m2" missing:"nan"`
}

type wireBatch struct {
	Locations []wireRequest `json:"locations"`
}

// recycled returns the batch for use by a later request, unless it is large.
func (b wireBatch) recycled() wireBatch {
	if cap(b.Locations) > maxPooledItems {
		return wireBatch{}
	}
	clear(b.Locations)
	return wireBatch{b.Locations[:0]}
}

// into sets r to the request and returns what is wrong with its shape. explain is what an absent
// `explain` means here.
func (w *wireRequest) into(r *risk.Request, explain, fresh bool) (shape []domain.Violation) {
	*r = risk.Request{
		Inputs: vector.Inputs{
			Latitude: w.Latitude, Longitude: w.Longitude,
			RainfallMM: w.RainfallMM, Temperature: w.Temperature, Humidity: w.Humidity,
			Rainfall7dMean: w.Rainfall7dMean, Rainfall30dMean: w.Rainfall30dMean,
			Temperature7dMean: w.Temperature7dMean, Temperature30dMean: w.Temperature30d,
			RainfallHistoryMM: w.RainfallHistoryMM,
			River:             vector.River(w.River), Site: vector.Site(w.Site),
		},
		LocationID: w.LocationID, LocationName: w.LocationName,
		Explain: explain, Fresh: fresh,
	}
	if w.Explain != nil {
		r.Explain = *w.Explain
	}
	if w.Date != nil {
		var v *domain.Violation
		if r.Date, v = strictjson.Day("/date", *w.Date); v != nil {
			shape = append(shape, *v)
		}
	}
	return shape
}

// question turns a decoded request into one for the use case. decoded is what the decoder said; the
// error has the violations of shape together with those of meaning that do not follow from them.
func (w *wireRequest) question(decoded error, r *risk.Request, explain, fresh bool) error {
	if decoded != nil && domain.KindOf(decoded) != domain.KindInvalid {
		return decoded
	}
	shape := w.into(r, explain, fresh)
	if decoded == nil && shape == nil {
		return nil // the use case finds the violations of meaning
	}
	shape = append(strictjson.Violations(decoded), shape...)
	return domain.Invalid("http", strictjson.Merge(shape, r.Validate()))
}

// maxPooledItems is the batch size above which the memory of a batch is left to the collector. Making it anew
// costs more than the answers: 11 kB a location.
const maxPooledItems = 1024

// batchItems is what becomes of the items of a batch. Items that can be asked lie in requests and
// outcomes without gaps; at says where, or -1 for an item whose error is in refused.
type batchItems struct {
	requests []risk.Request
	outcomes []risk.Outcome
	at       []int
	refused  map[int]error
}

func (b batchItems) recycled() batchItems {
	if cap(b.requests) > maxPooledItems {
		return batchItems{}
	}
	clear(b.requests)
	clear(b.outcomes)
	return batchItems{requests: b.requests[:0], outcomes: b.outcomes[:0], at: b.at[:0]}
}

// makeRoom expects n items.
func (b *batchItems) makeRoom(n int) {
	b.requests, b.at = slices.Grow(b.requests, n), slices.Grow(b.at, n)
}

// add takes one item, or the error for which it is refused.
func (b *batchItems) add(r *risk.Request, err error) {
	if err != nil {
		if b.refused == nil {
			b.refused = map[int]error{}
		}
		b.refused[len(b.at)] = err
		b.at = append(b.at, -1)
		return
	}
	b.at = append(b.at, len(b.requests))
	b.requests = append(b.requests, *r)
}

// makeOutcomes makes room for the answers of the requests.
func (b *batchItems) makeOutcomes() {
	b.outcomes = append(b.outcomes[:0], make([]risk.Outcome, len(b.requests))...)
}

// result returns what became of item i.
func (b *batchItems) result(i int) (*risk.Request, *risk.Assessment, error) {
	if at := b.at[i]; at >= 0 {
		return &b.requests[at], &b.outcomes[at].Assessment, b.outcomes[at].Err
	}
	return nil, nil, b.refused[i]
}

// batchPrefix is the pointer to item i of a batch.
func batchPrefix(i int) string { return batchList + "/" + strconv.Itoa(i) }

const batchList = "/locations"

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// The answers of operations. They are rare, so encoding/json writes them.

type modelJSON struct {
	Name       domain.ModelName `json:"name"`
	Version    string           `json:"version"`
	Digest     string           `json:"digest"`
	Loaded     bool             `json:"loaded"`
	Source     string           `json:"source"`
	SizeBytes  int64            `json:"size_bytes"`
	LoadedAt   *string          `json:"loaded_at,omitempty"`
	LoadTimeMS float64          `json:"load_time_ms"`
	Reloads    int              `json:"reloads"`
	LastError  string           `json:"last_error,omitempty"`
	Stats      modelStatsJSON   `json:"stats"`
}

type modelStatsJSON struct {
	Predictions uint64            `json:"predictions"`
	Computed    uint64            `json:"computed"`
	Errors      uint64            `json:"errors"`
	ErrorRate   float64           `json:"error_rate"`
	ByLevel     map[string]uint64 `json:"by_level"`
	InferenceMS struct {
		Mean float64 `json:"mean"`
		P95  float64 `json:"p95"`
		P99  float64 `json:"p99"`
	} `json:"inference_ms"`
	Cache cacheStatsJSON `json:"cache"`
}

type cacheStatsJSON struct {
	Hits    uint64  `json:"hits"`
	Misses  uint64  `json:"misses"`
	Errors  uint64  `json:"errors"`
	HitRate float64 `json:"hit_rate"`
}

type cardJSON struct {
	Kind          string        `json:"kind"`
	FeatureSchema string        `json:"feature_schema"`
	CreatedAt     *string       `json:"created_at,omitempty"`
	SizeBytes     int64         `json:"size_bytes"`
	Features      []featureJSON `json:"features"`
	Training      rawJSON       `json:"training"`
	Skill         rawJSON       `json:"skill"`
	Text          string        `json:"text"`
}

// rawJSON is a JSON object as it stands in the manifest.
type rawJSON []byte

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("{}"), nil
	}
	return r, nil
}

type featureJSON struct {
	Name        string  `json:"name"`
	Unit        string  `json:"unit"`
	Min         float64 `json:"min"`
	Max         float64 `json:"max"`
	Description string  `json:"description"`
}

type modelsJSON struct {
	Models []modelJSON `json:"models"`
}

type statusJSON struct {
	Version       string      `json:"version"`
	UptimeSeconds float64     `json:"uptime_seconds"`
	Models        []modelJSON `json:"models"`
	Process       processJSON `json:"process"`
}

type processJSON struct {
	StartedAt     *string `json:"started_at,omitempty"`
	ResidentBytes uint64  `json:"resident_bytes"`
	HeapBytes     uint64  `json:"heap_bytes"`
	CPUSeconds    float64 `json:"cpu_seconds"`
	CPUs          int     `json:"cpus"`
	Goroutines    int     `json:"goroutines"`
	GoVersion     string  `json:"go_version"`
}

type metadataJSON struct {
	Model modelJSON `json:"model"`
	Card  cardJSON  `json:"card"`
}

type namedStatsJSON struct {
	Name    domain.ModelName `json:"name"`
	Version string           `json:"version"`
	Stats   modelStatsJSON   `json:"stats"`
}

type clearedJSON struct {
	Status         string           `json:"status"`
	ModelName      domain.ModelName `json:"model_name"`
	EntriesCleared int              `json:"entries_cleared"`
}

type modelHealthJSON struct {
	Loaded      bool    `json:"loaded"`
	Version     string  `json:"version"`
	Predictions uint64  `json:"predictions"`
	ErrorRate   float64 `json:"error_rate"`
	LastError   string  `json:"last_error,omitempty"`
}

type modelsHealthJSON struct {
	Status string                               `json:"status"`
	Models map[domain.ModelName]modelHealthJSON `json:"models"`
}

type healthJSON struct {
	Status        string               `json:"status"`
	Version       string               `json:"version"`
	UptimeSeconds float64              `json:"uptime_seconds"`
	Checks        map[string]checkJSON `json:"checks"`
}

type checkJSON struct {
	Status   string `json:"status"`
	Required bool   `json:"required"`
	Detail   string `json:"detail"`
}

type statusOnlyJSON struct {
	Status string `json:"status"`
}

type performanceJSON struct {
	Since           *string            `json:"since,omitempty"`
	RequestMetrics  requestMetricsJSON `json:"request_metrics"`
	ResponseTimesMS responseTimesJSON  `json:"response_times_ms"`
	CacheMetrics    cacheMetricsJSON   `json:"cache_metrics"`
	DeviceStates    []tierJSON         `json:"device_states"`
	RedisMetrics    *tierJSON          `json:"redis_metrics"`
}

type requestMetricsJSON struct {
	Total     uint64            `json:"total"`
	Failed    uint64            `json:"failed"`
	PerSecond float64           `json:"per_second"`
	ByRoute   map[string]uint64 `json:"by_route"`
	ByCode    map[string]uint64 `json:"by_code"`
}

type responseTimesJSON struct {
	Average float64 `json:"average"`
	Median  float64 `json:"median"`
	P95     float64 `json:"p95"`
	P99     float64 `json:"p99"`
	Min     float64 `json:"min"`
	Max     float64 `json:"max"`
}

type cacheMetricsJSON struct {
	cacheStatsJSON
	PerModel map[domain.ModelName]cacheStatsJSON `json:"per_model"`
	Tiers    []tierJSON                          `json:"tiers"`
}

type tierJSON struct {
	Name      string `json:"name"`
	State     string `json:"state"`
	Entries   *int64 `json:"entries"`
	Bytes     *int64 `json:"bytes"`
	MaxBytes  *int64 `json:"max_bytes"`
	Evictions int64  `json:"evictions"`
	Errors    int64  `json:"errors"`
	LatencyMS struct {
		Mean float64 `json:"mean"`
		P95  float64 `json:"p95"`
	} `json:"latency_ms"`
	Decisions []cacheDecisionJSON `json:"decisions,omitempty"`
}

type cacheDecisionJSON struct {
	Model     domain.ModelName `json:"model"`
	Asked     bool             `json:"asked"`
	ComputeMS float64          `json:"compute_ms"`
	LookupMS  float64          `json:"lookup_ms"`
}
