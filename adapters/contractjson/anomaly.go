package contractjson

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/adapters/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
)

// Anomaly is a question about a reading of a device.
type Anomaly struct {
	DeviceID string `json:"device_id"`
	SensorReading
	LocationName string          `json:"location_name"`
	History      []SensorReading `json:"history"`
	Timezone     string          `json:"timezone"`
}

// SensorReading is what a device said at one time.
type SensorReading struct {
	Timestamp      strictjson.Moment  `json:"timestamp"`
	RainfallMM     float64            `json:"rainfall_mm" missing:"nan"`
	Temperature    float64            `json:"temperature" missing:"nan"`
	Humidity       float64            `json:"humidity" missing:"nan"`
	WaterLevelM    float64            `json:"water_level_m" missing:"nan"`
	BatteryVoltage float64            `json:"battery_voltage" missing:"nan"`
	SignalStrength float64            `json:"signal_strength" missing:"nan"`
	Measurements   map[string]float64 `json:"measurements"`
}

func (*Anomaly) maxItems(Options) int { return anomaly.MaxHistory + 1 }

// append appends the values that are there to dst, in the contract's order and then by name.
func (w *SensorReading) append(dst []anomaly.Value) []anomaly.Value {
	add := func(name string, value float64) {
		if value == value {
			dst = append(dst, anomaly.Value{Name: name, Value: value})
		}
	}
	add(anomaly.NameRain, w.RainfallMM)
	add(anomaly.NameTemperature, w.Temperature)
	add(anomaly.NameHumidity, w.Humidity)
	add(anomaly.NameWaterLevel, w.WaterLevelM)
	add(anomaly.NameBattery, w.BatteryVoltage)
	add(anomaly.NameSignal, w.SignalStrength)
	if len(w.Measurements) > 0 {
		for _, name := range slices.Sorted(maps.Keys(w.Measurements)) {
			add(name, w.Measurements[name])
		}
	}
	return dst
}

// time returns when the reading was made; an absent time is required, as the use case says.
func (w *SensorReading) time(clock strictjson.Clock) (time.Time, *domain.Violation) {
	if w.Timestamp.Text == "" {
		return time.Time{}, nil
	}
	return clock.Time("/timestamp", w.Timestamp)
}

// Question turns a decoded request into one for the use case, as FloodRisk.Question does.
func (w *Anomaly) Question(decoded error, fresh bool) (anomaly.Request, error) {
	if unreadable(decoded) {
		return anomaly.Request{}, decoded
	}
	r := anomaly.Request{DeviceID: w.DeviceID, LocationName: w.LocationName, Fresh: fresh}
	if len(w.History) > 0 {
		r.History = make([]anomaly.Reading, len(w.History))
	}
	var shape []domain.Violation
	clock, wrong := strictjson.NewClock("/timezone", w.Timezone)
	if wrong != nil {
		shape = append(shape, *wrong)
	}
	values := make([]anomaly.Value, 0, (1+len(w.History))*6) // of all readings, in one piece
	read := func(to *anomaly.Reading, from *SensorReading) (wrong *domain.Violation) {
		begin := len(values)
		values = from.append(values)
		to.Values = values[begin:len(values):len(values)]
		to.Time, wrong = from.time(clock)
		return wrong
	}
	if wrong := read(&r.Reading, &w.SensorReading); wrong != nil {
		shape = append(shape, *wrong)
	}
	for i := range w.History {
		if wrong := read(&r.History[i], &w.History[i]); wrong != nil {
			wrong.Pointer = "/history/" + strconv.Itoa(i) + wrong.Pointer
			shape = append(shape, *wrong)
		}
	}
	return r, refusal(decoded, shape, r.Validate)
}

// DecodeReading reads one reading of a record strictly, in the JSON of the contract. timezone is that of a reading
// which names none, as an IANA name; empty is none. A record has its
// history in its lines, so none is accepted. Only what is there is among its values, in the contract's order
// and then by name. Errors are *domain.Error with all violations.
func DecodeReading(line []byte, timezone string) (anomaly.Request, error) {
	var w Anomaly
	decoded := Decode(line, &w, Options{})
	if w.Timezone == "" {
		w.Timezone = timezone
	}
	if w.History != nil {
		w.History = nil
		decoded = domain.Invalid("record", append(strictjson.Violations(decoded), domain.Violation{
			Pointer: "/history", Code: domain.CodeInconsistent, Detail: "a record has its history in its lines",
		}))
	}
	r, err := w.Question(decoded, false)
	if err == nil {
		err = domain.Invalid("record", r.Validate())
	}
	return r, err
}

// AppendVerdict appends the answer to r. The command line writes it without a server, so what it writes for
// a reading is what the API writes.
func AppendVerdict(b []byte, r *anomaly.Request, a *anomaly.Answer) []byte {
	b = append(b, `{"device_id":`...)
	b = appendString(b, r.DeviceID)
	b = append(b, `,"timestamp":"`...)
	b = r.Reading.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"', ',')
	b = appendLocation(b, "", r.LocationName)
	b = append(b, `"is_anomaly":`...)
	b = strconv.AppendBool(b, a.IsAnomaly)
	b = append(b, `,"alarm":"`...)
	b = append(b, a.Alarm.String()...)
	b = append(b, `","anomaly_score":`...)
	b = appendFloat(b, float64(float32(a.Score)), 32)
	b = append(b, `,"severity":"`...)
	b = append(b, a.Severity.String()...)
	b = append(b, `","confidence":`...)
	b = appendFloat(b, float64(float32(a.Confidence)), 32)
	b = appendFindings(b, a.Findings())
	b = append(b, `,"threshold":`...)
	b = appendFloat(b, anomaly.Threshold, 64)
	b = append(b, `,"explanation":`...)
	b = appendString(b, a.Explanation())
	b = append(b, `,"requires_maintenance":`...)
	b = strconv.AppendBool(b, a.RequiresMaintenance)
	b = append(b, `,"recommended_action":`...)
	b = appendString(b, a.RecommendedAction())
	b = append(b, `,"model_version":`...)
	b = appendString(b, a.Model.Version)
	b = append(b, `,"model_digest":`...)
	b = appendString(b, a.Model.Digest)
	b = append(b, `,"detected_at":"`...)
	b = rfc3339.AppendMillis(b, a.DetectedAt)
	b = append(b, `","input_quality":{"conditions":`...)
	b = appendNames(b, a.Quality.Names())
	return append(b, "}}"...)
}

// appendFindings appends what was found in the single variables as further members: the names of the
// anomalous ones, the flags of all, and what stands behind the verdict on those that stood out.
func appendFindings(b []byte, findings []anomaly.Finding) []byte {
	b = append(b, `,"anomalous_features":[`...)
	list := listOf(b)
	for i := range findings {
		if f := &findings[i]; f.IsAnomaly() {
			b = appendString(list.next(b), f.Name)
		}
	}
	b = append(b, `],"flags":{`...)
	list = listOf(b)
	for i := range findings {
		b = appendFlags(list.next(b), &findings[i])
	}
	b = append(b, `},"findings":[`...)
	list = listOf(b)
	for i := range findings {
		if f := &findings[i]; f.IsAnomaly() || f.Guarded {
			b = appendFinding(list.next(b), f)
		}
	}
	return append(b, ']')
}

func appendFlags(b []byte, f *anomaly.Finding) []byte {
	b = appendString(b, f.Name)
	b = append(b, ':', '{')
	for t, flag := range f.Flags {
		if t > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, anomaly.Test(t).String()...)
		b = append(b, '"', ':', '0'+byte(flag))
	}
	return append(b, '}')
}

func appendFinding(b []byte, f *anomaly.Finding) []byte {
	b = append(b, `{"feature":`...)
	b = appendString(b, f.Name)
	b = append(b, `,"condition":"`...)
	b = append(b, f.Condition.String()...)
	b = append(b, `","score":`...)
	b = appendFloat(b, float64(float32(f.Score)), 32)
	b = append(b, `,"value":`...)
	b = appendFloat(b, f.Value, 64)
	b = append(b, `,"expected":`...)
	b = appendFloat(b, f.Expected, 64)
	b = append(b, `,"limit":`...)
	b = appendFloat(b, f.Limit, 64)
	b = append(b, `,"duration_s":`...)
	b = appendFloat(b, f.DurationS, 64)
	b = append(b, `,"explained_by_weather":`...)
	b = strconv.AppendBool(b, f.Guarded)
	return append(b, '}')
}
