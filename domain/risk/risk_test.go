package risk_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/domain/risk"
	"github.com/guardy-ai/guardy/domain/trees"
	"github.com/guardy-ai/guardy/domain/vector"
)

// stump returns an ensemble of one tree that splits one feature at a threshold.
func stump(t testing.TB, feature string, threshold float32) *trees.Ensemble {
	t.Helper()
	at := -1
	for i, n := range vector.Names {
		if n == feature {
			at = i
		}
	}
	if at < 0 {
		t.Fatalf("no feature %q", feature)
	}
	e, err := trees.New(vector.NumFeatures, -3, []trees.Tree{{Nodes: []trees.Node{
		{Feature: int32(at), Threshold: threshold, Left: 1, Right: 2, DefaultLeft: true, Cover: 10},
		{Left: trees.NoChild, Right: trees.NoChild, Value: -1, Cover: 8},
		{Left: trees.NoChild, Right: trees.NoChild, Value: 2, Cover: 2},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// straight is the calibration that leaves log-odds as they are, with an interval of one unit.
func straight() risk.Calibration {
	expit := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	c := risk.Calibration{}
	for _, x := range []float64{-6, -2, 0, 4} {
		c.Margin = append(c.Margin, x)
		c.Probability = append(c.Probability, expit(x))
		c.Lower, c.Upper = append(c.Lower, expit(x-1)), append(c.Upper, expit(x+1))
	}
	return c
}

// spec is a small model: a river member that splits at the threshold, and one on rain.
func spec(t testing.TB) risk.Spec {
	t.Helper()
	s := risk.Spec{
		Ref:    domain.ModelRef{Name: domain.RiskScorer, Version: "0.0.1", Digest: "sha256:test"},
		Schema: vector.Schema,
		Members: []risk.Member{
			{Name: "river", RequiresRiver: true, Part: risk.Part{Ensemble: stump(t, "river_ratio", .5)}, Calibration: straight()},
			{Name: "history", MinHistoryDays: 3, Part: risk.Part{Ensemble: stump(t, "rain_4d", 20)}, Calibration: straight()},
			{Name: "rain", Part: risk.Part{Ensemble: stump(t, "rain_today", 10)}, Calibration: straight()},
		},
		Levels:   risk.Levels{Low: .01, Moderate: .05, High: .2, Extreme: .5},
		Coverage: .9,
		Widening: risk.Widening{Place: 2, PerInput: 1.5, Maximum: 4, ConfidenceWidth: 5},
		Envelope: risk.Envelope{
			Ranges:   map[risk.Input]risk.Range{risk.InputRainfall: {Min: 0, Max: 100}, risk.InputTemperature: {Min: -30, Max: 30}},
			Places:   [][2]float64{{45, -90}},
			RadiusKM: 200,
		},
	}
	for _, n := range vector.Names {
		s.Features = append(s.Features, domain.FeatureInfo{Name: n})
	}
	return s
}

func model(t testing.TB) *risk.Model {
	t.Helper()
	m, err := risk.NewModel(spec(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func request() risk.Request {
	r := risk.NewRequest()
	r.Latitude, r.Longitude, r.RainfallMM, r.Explain = 45, -90, 12, true
	r.Date = time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)
	return r
}

func assess(m *risk.Model, r risk.Request) risk.Assessment {
	r.Canonicalize()
	var a risk.Assessment
	m.Assess(&r, &a)
	return a
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-6 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestTheMostDemandingMemberThatCanAnswerDoes(t *testing.T) {
	m := model(t)
	r := request()
	if got := m.MemberFor(&r); got != "rain" {
		t.Errorf("rain only: %s", got)
	}
	r.RainfallHistoryMM = []float64{1, 2, 3}
	if got := m.MemberFor(&r); got != "history" {
		t.Errorf("three days of history: %s", got)
	}
	r.RainfallHistoryMM[1] = math.NaN()
	if got := m.MemberFor(&r); got != "rain" {
		t.Errorf("a gap after one day: %s", got)
	}
	r.River.Value, r.River.Normal = 2, 1
	if got := m.MemberFor(&r); got != "rain" {
		t.Errorf("a river without a threshold: %s", got)
	}
	r.River.FloodThreshold = 4
	if got := m.MemberFor(&r); got != "river" {
		t.Errorf("a river: %s", got)
	}
}

func TestAProbabilityIsTheCalibratedMarginAndItsFactorsAddUp(t *testing.T) {
	a := assess(model(t), request())
	near(t, "probability", a.Probability, 1/(1+math.Exp(1))) // margin −3 + 2
	near(t, "lower", a.Lower, 1/(1+math.Exp(2)))
	near(t, "upper", a.Upper, 0.5)
	near(t, "confidence", a.Confidence, math.Round(math.Exp(-2./5)*1e4)/1e4)
	sum := float64(a.Factors.Base + a.Factors.Others)
	for _, f := range a.Factors.List() {
		sum += float64(f.Contribution)
	}
	near(t, "sum of the factors", sum, -1)
	near(t, "log-odds by the factors", float64(a.Factors.Intercept)+float64(a.Factors.Slope)*sum, -1)
	if a.Factors.N != 1 || a.Factors.Top[0].Feature != "rain_today" || a.Factors.Top[0].Value != 12 {
		t.Errorf("factors %+v", a.Factors)
	}
	if a.Level != domain.LevelHigh || a.Coverage != .9 {
		t.Errorf("level %v, coverage %v", a.Level, a.Coverage)
	}
}

func TestWhatTrainingDidNotCoverIsNamedAndWidensTheInterval(t *testing.T) {
	m := model(t)
	home := assess(m, request())
	if home.Quality.OutOfDomain != 0 {
		t.Fatalf("out of domain at home: %v", home.Quality.OutOfDomain.Names())
	}

	lagos := request()
	lagos.Latitude, lagos.Longitude = 6.52, 3.38
	far := assess(m, lagos)
	if got := far.Quality.OutOfDomain.Names(); !cmp.Equal(got, []string{"location"}) {
		t.Errorf("Lagos: %v", got)
	}
	near(t, "probability", far.Probability, home.Probability)
	near(t, "lower", far.Lower, 1/(1+math.Exp(3))) // twice the half width
	near(t, "upper", far.Upper, 1/(1+math.Exp(-1)))
	if far.Confidence >= home.Confidence {
		t.Errorf("confidence %v in Lagos, %v at home", far.Confidence, home.Confidence)
	}

	lagos.RainfallMM = 300
	wetter := assess(m, lagos)
	if got := wetter.Quality.OutOfDomain.Names(); !cmp.Equal(got, []string{"location", "rainfall_mm"}) {
		t.Errorf("300 mm in Lagos: %v", got)
	}
	if wetter.Upper <= far.Upper || wetter.Lower >= far.Lower {
		t.Error("one more input out of domain did not widen the interval")
	}
}

func TestInputQualityNamesWhatIsMissingAndWhatIsIgnored(t *testing.T) {
	m := model(t)
	r := request()
	r.Humidity = 80
	q := assess(m, r).Quality
	want := []string{
		"temperature", "rainfall_7d_mean", "rainfall_30d_mean", "rainfall_history_mm", "weather_history",
		"rainfall_forecast_mm", "temperature_7d_mean", "temperature_30d_mean", "river", "river.history", "site",
	}
	if diff := cmp.Diff(want, q.Missing.Names()); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"humidity"}, q.Ignored.Names()); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}

	r.Site.AreaKM2 = 100
	r.River.Value = 3
	r.RainfallHistoryMM = make([]float64, 30)
	q = assess(m, r).Quality
	if q.Missing.Has(risk.InputSite) || q.Missing.Has(risk.InputRainfall7dMean) || q.Missing.Has(risk.InputRainfall30dMean) {
		t.Errorf("missing: %v; the history of 30 days gives both means, and the area is known", q.Missing.Names())
	}
	if !q.Missing.Has(risk.InputRiver) || !q.Ignored.Has(risk.InputRiver) {
		t.Errorf("a river value without thresholds must be named as unused: %v, %v", q.Missing.Names(), q.Ignored.Names())
	}
}

func TestScoresAreAnIncreasingMapOnWhichLevelsBeginAtTheirCuts(t *testing.T) {
	m := model(t)
	previous := -1.0
	for rain, want := range map[float64]domain.Level{5: domain.LevelLow, 12: domain.LevelHigh} {
		r := request()
		r.RainfallMM = rain
		if a := assess(m, r); a.Level != want {
			t.Errorf("%v mm: level %v, want %v", rain, a.Level, want)
		}
	}
	for p := 0.0; p <= 1; p += 1. / 4096 {
		level, score := m.Levels().Decide(p)
		if score <= previous || score > 100 {
			t.Fatalf("score %v at %v after %v", score, p, previous)
		}
		previous = score
		if want := domain.LevelVeryLow + domain.Level(min(4, score/20)); level != want {
			t.Fatalf("level %v at score %v", level, score)
		}
	}
	for i, cut := range []float64{.01, .05, .2, .5} {
		if _, score := m.Levels().Decide(cut); score != float64(20*(i+1)) {
			t.Errorf("score %v at the cut %v", score, cut)
		}
	}
}

func TestEveryViolationIsReportedInTheOrderOfTheContract(t *testing.T) {
	r := request()
	r.Latitude, r.Longitude, r.RainfallMM = 91, math.NaN(), -0.5
	r.Temperature, r.Humidity = math.Inf(1), 101
	r.LocationID = strings.Repeat("x", 257)
	r.Date = time.Date(1899, 1, 1, 0, 0, 0, 0, time.UTC)
	r.RainfallHistoryMM = []float64{1, -1, math.NaN(), 3000}
	r.River.Normal, r.River.FloodThreshold = 4, 4
	r.Site.SoilPorosity = 1.5
	var got []string
	for _, v := range r.Validate() {
		got = append(got, v.Pointer+" "+v.Code)
	}
	want := []string{
		"/latitude range", "/longitude required", "/rainfall_mm range", "/temperature not_finite", "/humidity range",
		"/location_id size", "/date range", "/rainfall_history_mm/1 range", "/rainfall_history_mm/3 range",
		"/river/flood_threshold inconsistent", "/site/soil_porosity range",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	r = request()
	if n := testing.AllocsPerRun(100, func() {
		if r.Validate() != nil {
			t.Error("a valid request was refused")
		}
	}); n != 0 {
		t.Errorf("validating allocates %v times", n)
	}
}

func TestNewModelRefusesWhatCannotBeServed(t *testing.T) {
	for name, breakIt := range map[string]func(*risk.Spec){
		"no members":            func(s *risk.Spec) { s.Members = nil },
		"nobody for plain rain": func(s *risk.Spec) { s.Members = s.Members[:2] },
		"a feature short":       func(s *risk.Spec) { s.Features = s.Features[1:] },
		"another feature":       func(s *risk.Spec) { s.Features[3].Name = "moon" },
		"another schema":        func(s *risk.Spec) { s.Schema = "risk-0" },
		"rain that lowers": func(s *risk.Spec) {
			s.Members[2].Linear.Terms = []risk.Term{{Feature: 0, Slope: -1}}
		},
		"a term of no feature": func(s *risk.Spec) {
			s.Members[2].Linear.Terms = []risk.Term{{Feature: vector.NumFeatures, Slope: 1}}
		},
		"levels out of order":     func(s *risk.Spec) { s.Levels.High = .01 },
		"a coverage of one":       func(s *risk.Spec) { s.Coverage = 1 },
		"narrowing":               func(s *risk.Spec) { s.Widening.Place = .5 },
		"a radius of NaN":         func(s *risk.Spec) { s.Envelope.RadiusKM = math.NaN() },
		"a place off Earth":       func(s *risk.Spec) { s.Envelope.Places[0][0] = 100 },
		"a falling calibration":   func(s *risk.Spec) { s.Members[0].Calibration.Probability[1] = .9 },
		"certainty":               func(s *risk.Spec) { s.Members[0].Calibration.Upper[3] = 1 },
		"knots without bounds":    func(s *risk.Spec) { s.Members[0].Calibration.Lower = nil },
		"an envelope upside down": func(s *risk.Spec) { s.Envelope.Ranges[risk.InputRainfall] = risk.Range{Min: 1, Max: 0} },
	} {
		s := spec(t)
		breakIt(&s)
		if _, err := risk.NewModel(s); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAssessDoesNotAllocate(t *testing.T) {
	m, r := model(t), request()
	r.RainfallHistoryMM = make([]float64, 90)
	r.Canonicalize()
	var a risk.Assessment
	if n := testing.AllocsPerRun(100, func() { m.Assess(&r, &a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var sameAnswer = cmp.Options{cmpopts.EquateNaNs(), cmpopts.IgnoreFields(risk.Assessment{}, "Provenance")}

func TestAnEncodedAssessmentDecodesToItself(t *testing.T) {
	m := model(t)
	for _, explain := range []bool{true, false} {
		r := request()
		r.Explain = explain
		a := assess(m, r)
		a.AssessedAt = time.Date(2026, 4, 2, 10, 11, 12, 13e6, time.UTC)
		data := a.AppendBinary(nil)
		if len(data) > risk.EncodedMax {
			t.Errorf("%d bytes", len(data))
		}
		var got risk.Assessment
		if err := m.Decode(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, got, sameAnswer); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		for n := range data {
			if m.Decode(data[:n], &got) == nil {
				t.Errorf("a truncation to %d of %d bytes was decoded", n, len(data))
			}
		}
	}
}

func FuzzDecodeNeverInventsAnAnswer(f *testing.F) {
	m := model(f)
	a := assess(m, request())
	f.Add(a.AppendBinary(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a risk.Assessment
		if m.Decode(data, &a) != nil {
			return
		}
		if !(0 <= a.Lower && a.Lower <= a.Probability && a.Probability <= a.Upper && a.Upper <= 1) || a.Level == domain.LevelUnknown {
			t.Fatalf("decoded %+v", a)
		}
		var again risk.Assessment
		if err := m.Decode(a.AppendBinary(nil), &again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(a, again, sameAnswer); diff != "" {
			t.Fatal(diff)
		}
	})
}
