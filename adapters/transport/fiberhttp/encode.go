package fiberhttp

import (
	"math"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/guardy-ai/guardy/adapters/internal/rfc3339"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
)

// Answers of predictions are appended to a buffer field by field: this is most of what the transport
// does for a request, and reflection would double it.

var (
	jsonFloodDefinition = `,"flood_definition":` + string(appendString(nil, risk.FloodDefinition))

	jsonLevels = func() (out [domain.NumLevels]string) {
		for l := range domain.NumLevels {
			out[l] = `,"risk_level":"` + l.String() + `"`
		}
		return out
	}()

	jsonActions = func() (out [domain.NumLevels]string) {
		for l := range domain.NumLevels {
			out[l] = `,"recommended_action":` + string(appendString(nil, risk.RecommendedAction(l)))
		}
		return out
	}()
)

// appendAnswer appends the members of an answer, each followed by a comma but the last.
func appendAnswer(b []byte, r *risk.Request, a *risk.Assessment) []byte {
	b = appendLocation(b, r.LocationID, r.LocationName)
	b = append(b, `"flood_probability":`...)
	b = appendFloat(b, a.Probability, 64)
	b = append(b, `,"risk_score":`...)
	b = appendFloat(b, a.Score, 64)
	level := min(a.Level, domain.NumLevels-1)
	b = append(b, jsonLevels[level]...)
	b = append(b, `,"confidence":`...)
	b = appendFloat(b, a.Confidence, 64)
	b = appendInterval(b, a.Lower, a.Upper, a.Coverage)
	if a.Explained {
		b = appendFactors(b, &a.Factors)
	}
	b = append(b, jsonActions[level]...)
	b = append(b, jsonFloodDefinition...)
	b = append(b, `,"model_version":`...)
	b = appendString(b, a.Model.Version)
	b = append(b, `,"model_digest":`...)
	b = appendString(b, a.Model.Digest)
	b = append(b, `,"predicted_at":"`...)
	b = rfc3339.AppendMillis(b, a.AssessedAt)
	b = append(b, `","input_quality":{"missing":`...)
	b = appendSet(b, a.Quality.Missing)
	b = append(b, `,"out_of_domain":`...)
	b = appendSet(b, a.Quality.OutOfDomain)
	b = append(b, `,"ignored":`...)
	b = appendSet(b, a.Quality.Ignored)
	return append(b, '}')
}

// appendLocation appends what is given of a place, each followed by a comma.
func appendLocation(b []byte, id, name string) []byte {
	if id != "" {
		b = append(b, `"location_id":`...)
		b = append(appendString(b, id), ',')
	}
	if name != "" {
		b = append(b, `"location_name":`...)
		b = append(appendString(b, name), ',')
	}
	return b
}

// appendInterval appends the interval as a further member.
func appendInterval(b []byte, lower, upper, coverage float64) []byte {
	b = append(b, `,"probability_interval":{"lower":`...)
	b = appendFloat(b, lower, 64)
	b = append(b, `,"upper":`...)
	b = appendFloat(b, upper, 64)
	b = append(b, `,"coverage":`...)
	b = appendFloat(b, coverage, 64)
	return append(b, '}')
}

func appendFactors(b []byte, f *risk.Factors) []byte {
	b = append(b, `,"top_contributing_factors":[`...)
	for i := range f.Top[:f.N] {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"feature":`...)
		b = appendString(b, f.Top[i].Feature)
		b = append(b, `,"value":`...)
		b = appendFloat(b, float64(f.Top[i].Value), 32)
		b = append(b, `,"contribution":`...)
		b = appendFloat(b, float64(f.Top[i].Contribution), 32)
		b = append(b, '}')
	}
	b = append(b, `],"log_odds":{"base":`...)
	b = appendFloat(b, float64(f.Base), 32)
	b = append(b, `,"others":`...)
	b = appendFloat(b, float64(f.Others), 32)
	return append(b, '}')
}

// memberList puts commas between the members of a list.
type memberList int

func listOf(b []byte) memberList { return memberList(len(b)) }

// next makes room for a member.
func (l memberList) next(b []byte) []byte {
	if len(b) > int(l) {
		return append(b, ',')
	}
	return b
}

// appendSet appends the names of what is in s, which are the code's own and need no escapes.
func appendSet[E domain.Enum](b []byte, s domain.Set[E]) []byte {
	b = append(b, '[')
	list := listOf(b)
	for e := range s.All {
		b = append(list.next(b), '"')
		b = append(b, e.String()...)
		b = append(b, '"')
	}
	return append(b, ']')
}

// appendPrediction appends item index of a batch or a stream. prefix is the pointer to the item.
func appendPrediction(b []byte, index int, r *risk.Request, a *risk.Assessment, err error, prefix string) []byte {
	b = append(b, `{"index":`...)
	b = strconv.AppendInt(b, int64(index), 10)
	if err == nil {
		b = append(b, `,"status":"ok",`...)
		b = appendAnswer(b, r, a)
		return append(b, '}')
	}
	kind, detail, violations := classify(err)
	b = append(b, `,"status":"error","error":{"code":"`...)
	b = append(b, kind.String()...)
	b = append(b, `","detail":`...)
	b = appendString(b, detail)
	b = append(b, `,"errors":`...)
	b = appendViolations(b, violations, prefix)
	return append(b, "}}"...)
}

func appendViolations(b []byte, vs []domain.Violation, prefix string) []byte {
	b = append(b, '[')
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"pointer":`...)
		b = appendString(b, prefix+v.Pointer)
		b = append(b, `,"code":`...)
		b = appendString(b, v.Code)
		b = append(b, `,"detail":`...)
		b = appendString(b, v.Detail)
		b = append(b, '}')
	}
	return append(b, ']')
}

// usualAnswer is more than most answers take, in bytes; with factors it is 1200.
const usualAnswer = 2 << 10

// appendBatch appends the answer of a batch.
func appendBatch(b []byte, items *batchItems, version string, took time.Duration) []byte {
	b = append(b, `{"predictions":[`...)
	failed, high := 0, 0
	for i := range items.at {
		if i > 0 {
			b = append(b, ',')
		}
		b = room(b, usualAnswer)
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
		b = appendPrediction(b, i, r, a, err, prefix)
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

func appendProblem(b []byte, p *problem, path, requestID []byte) []byte {
	title := http.StatusText(p.status)
	if title == "" {
		title = "Client Closed Request"
	}
	b = append(b, `{"type":"/docs#error-`...)
	b = append(b, p.code...)
	b = append(b, `","title":`...)
	b = appendString(b, title)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(p.status), 10)
	b = append(b, `,"detail":`...)
	b = appendString(b, p.detail)
	b = append(b, `,"instance":`...)
	b = appendString(b, string(path[:min(len(path), maxInstance)]))
	b = append(b, `,"code":"`...)
	b = append(b, p.code...)
	b = append(b, `","request_id":`...)
	b = appendString(b, string(requestID))
	b = append(b, `,"errors":`...)
	b = appendViolations(b, p.violations, "")
	return append(b, '}')
}

// maxInstance is how much of the path an error repeats.
const maxInstance = 256

// appendFloat writes f in the shortest form that reads back as the same number of that size. NaN,
// which stands for a value that is missing, is null; so is infinity, which cannot be said in JSON.
func appendFloat(b []byte, f float64, bits int) []byte {
	abs := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(b, "null"...)
	case abs != 0 && (abs < 1e-6 || abs >= 1e21):
		return strconv.AppendFloat(b, f, 'e', -1, bits)
	}
	return strconv.AppendFloat(b, f, 'f', -1, bits)
}

const hexDigits = "0123456789abcdef"

// appendString writes s with as few escapes as JSON allows; what is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			b = append(b, s[start:i]...)
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, s[start:i]...)
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			i++
			continue
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || n != 1 {
				i += n
				continue
			}
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}
