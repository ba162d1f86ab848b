package anomaly

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/qartod"
)

var sameAnswer = cmp.Options{
	cmp.AllowUnexported(Verdict{}), cmpopts.EquateNaNs(), cmpopts.IgnoreFields(Answer{}, "Provenance"),
}

// fullAnswer has a value that is not zero in every field, whatever fields there are.
func fullAnswer() *Answer {
	a := &Answer{DetectedAt: time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC), Model: domain.ModelRef{Name: domain.AnomalyDetector, Version: "1.2.3"}}
	fill := func(v reflect.Value) {
		for i := range v.NumField() {
			switch f := v.Field(i); f.Kind() {
			case reflect.Bool:
				f.SetBool(true)
			case reflect.Float64:
				f.SetFloat(0.5 + 0.01*float64(i))
			case reflect.Uint8:
				f.SetUint(2)
			case reflect.String:
				f.SetString("turbidity")
			default:
			}
		}
	}
	a.count = MaxVariables
	for i := range a.findings {
		f := &a.findings[i]
		fill(reflect.ValueOf(f).Elem())
		for t := range f.Flags {
			f.Flags[t] = [...]qartod.Flag{qartod.Pass, qartod.NotEvaluated, qartod.Suspect, qartod.Fail, qartod.Missing}[(t+i)%5]
		}
	}
	a.findings[1].Name, a.findings[1].Expected = NameRain, math.NaN()
	v := reflect.ValueOf(&a.Verdict).Elem()
	for _, name := range []string{"IsAnomaly", "RequiresMaintenance", "HighInterest"} {
		v.FieldByName(name).SetBool(true)
	}
	a.Alarm, a.Severity, a.Quality, a.Score, a.Confidence = AlarmCleared, SeverityHigh, 1<<numQualities-1, 0.9, 0.3
	return a
}

func TestAnAnswerSurvivesItsEncoding(t *testing.T) {
	for name, a := range map[string]*Answer{"full": fullAnswer(), "empty": {DetectedAt: time.UnixMilli(0).UTC()}} {
		data := a.AppendBinary([]byte("before"))[len("before"):]
		if len(data) > AnswerMax {
			t.Errorf("%s: %d bytes, the largest is %d", name, len(data), AnswerMax)
		}
		var got Answer
		if err := DecodeAnswer(data, a.Model, &got); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(a, &got, sameAnswer); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// FuzzDecodeAnswer: what is not refused is an answer that could have been given.
func FuzzDecodeAnswer(f *testing.F) {
	good := fullAnswer().AppendBinary(nil)
	f.Add(good)
	for i := range answerHead + 20 {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0xff
		f.Add(bad)
		f.Add(good[:i])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var a Answer
		if DecodeAnswer(data, domain.ModelRef{}, &a) != nil {
			if diff := cmp.Diff(Answer{}, a, sameAnswer); diff != "" {
				t.Fatalf("refused bytes left something behind:\n%s", diff)
			}
			return
		}
		if a.Explanation() == "" || a.RecommendedAction() == "" || len(a.Quality.Names()) > numQualities {
			t.Fatalf("%+v", a)
		}
		for i := range a.Findings() {
			if f := &a.Findings()[i]; !(0 <= f.Score && f.Score <= a.Score) {
				t.Fatalf("%+v", f)
			}
		}
		var again Answer
		if err := DecodeAnswer(a.AppendBinary(nil), domain.ModelRef{}, &again); err != nil || cmp.Diff(a, again, sameAnswer) != "" {
			t.Fatalf("encoded again it differs: %v", err)
		}
	})
}
