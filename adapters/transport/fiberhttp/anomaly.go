package fiberhttp

import (
	"time"

	"github.com/guardy-ai/guardy/domain/anomaly"
)

// AppendVerdict appends the answer to one reading of a device. The command line writes it without a
// server, so what it writes for a reading is what the API writes.
func AppendVerdict(b []byte, device string, at time.Time, v *anomaly.Verdict, detectedAt time.Time) []byte {
	b = append(b, `{"device_id":`...)
	b = appendString(b, device)
	b = append(b, `,"timestamp":"`...)
	b = at.UTC().AppendFormat(b, time.RFC3339Nano)
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
	b = append(b, `,"model_version":"`...)
	b = append(b, anomaly.Version...)
	b = append(b, `","detected_at":"`...)
	b = detectedAt.UTC().AppendFormat(b, timeFormat)
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
