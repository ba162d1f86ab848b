package fiberhttp

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/guardy-ai/guardy/adapters/transport/internal/strictjson"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/anomaly"
)

// wireSensor is what a device said at one time.
type wireSensor struct {
	DeviceID       string             `json:"device_id"`
	Timestamp      string             `json:"timestamp"`
	RainfallMM     float64            `json:"rainfall_mm" missing:"nan"`
	Temperature    float64            `json:"temperature" missing:"nan"`
	Humidity       float64            `json:"humidity" missing:"nan"`
	WaterLevelM    float64            `json:"water_level_m" missing:"nan"`
	BatteryVoltage float64            `json:"battery_voltage" missing:"nan"`
	SignalStrength float64            `json:"signal_strength" missing:"nan"`
	Measurements   map[string]float64 `json:"measurements"`
	LocationName   string             `json:"location_name"`
}

// DecodeReading reads one reading of a device strictly, in the JSON of the contract. Only what is there is
// among its values, in the contract's order and then by name. Errors are *domain.Error with all violations.
func DecodeReading(line []byte) (anomaly.Request, error) {
	var w wireSensor
	r := anomaly.NewRequest()
	decoded := strictjson.Decode(line, &w, strictjson.Options{})
	if decoded != nil && domain.KindOf(decoded) != domain.KindInvalid {
		return r, decoded
	}
	shape := strictjson.Violations(decoded)
	r.DeviceID, r.LocationName = w.DeviceID, w.LocationName
	if w.Timestamp != "" {
		var v *domain.Violation
		if r.Reading.Time, v = strictjson.Time("/timestamp", w.Timestamp); v != nil {
			shape = append(shape, *v)
		}
	}
	add := func(name string, value float64) {
		if value == value {
			r.Reading.Values = append(r.Reading.Values, anomaly.Value{Name: name, Value: value})
		}
	}
	add(anomaly.NameRain, w.RainfallMM)
	add(anomaly.NameTemperature, w.Temperature)
	add(anomaly.NameHumidity, w.Humidity)
	add(anomaly.NameWaterLevel, w.WaterLevelM)
	add(anomaly.NameBattery, w.BatteryVoltage)
	add(anomaly.NameSignal, w.SignalStrength)
	for _, name := range slices.Sorted(maps.Keys(w.Measurements)) {
		add(name, w.Measurements[name])
	}
	return r, domain.Invalid("anomaly", strictjson.Merge(shape, r.Validate()))
}

// AppendLineError appends what stands in the place of a line that cannot be answered. Lines count from 1.
func AppendLineError(b []byte, line int, err error) []byte {
	kind, detail, violations := classify(err)
	b = append(b, `{"line":`...)
	b = strconv.AppendInt(b, int64(line), 10)
	b = append(b, `,"status":"error","error":{"code":"`...)
	b = append(b, kind.String()...)
	b = append(b, `","detail":`...)
	b = appendString(b, detail)
	b = append(b, `,"errors":`...)
	b = appendViolations(b, violations, "")
	return append(b, "}}"...)
}

// AppendVerdict appends the answer to r. The command line writes it without a server, so what it writes for
// a reading is what the API writes.
func AppendVerdict(b []byte, r *anomaly.Request, a *anomaly.Answer) []byte {
	v := &a.Verdict
	b = append(b, `{"device_id":`...)
	b = appendString(b, r.DeviceID)
	b = append(b, `,"timestamp":"`...)
	b = r.Reading.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","is_anomaly":`...)
	b = appendBool(b, v.IsAnomaly)
	b = append(b, `,"alarm":"`...)
	b = append(b, v.Alarm.String()...)
	b = append(b, `","anomaly_score":`...)
	b = appendFloat(b, float64(float32(v.Score)), 32)
	b = append(b, `,"severity":"`...)
	b = append(b, v.Severity.String()...)
	b = append(b, `","confidence":`...)
	b = appendFloat(b, float64(float32(v.Confidence)), 32)
	b = append(b, `,"anomalous_features":[`...)
	first := true
	for i := range v.Findings() {
		if f := &v.Findings()[i]; f.IsAnomaly() {
			if !first {
				b = append(b, ',')
			}
			first = false
			b = appendString(b, f.Name)
		}
	}
	b = append(b, `],"flags":{`...)
	for i := range v.Findings() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFlags(b, &v.Findings()[i])
	}
	b = append(b, `},"threshold":`...)
	b = appendFloat(b, anomaly.Threshold, 64)
	b = append(b, `,"explanation":`...)
	b = appendString(b, v.Explanation())
	b = append(b, `,"requires_maintenance":`...)
	b = appendBool(b, v.RequiresMaintenance)
	b = append(b, `,"recommended_action":`...)
	b = appendString(b, v.RecommendedAction())
	b = append(b, `,"model_version":`...)
	b = appendString(b, a.Model.Version)
	b = append(b, `,"detected_at":"`...)
	b = a.DetectedAt.UTC().AppendFormat(b, timeFormat)
	b = append(b, `","input_quality":`...)
	b = appendNames(b, v.Quality.Names())
	return append(b, '}')
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
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
