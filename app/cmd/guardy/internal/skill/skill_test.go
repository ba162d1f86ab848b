package skill

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/guardy-ai/guardy/domain"
)

// made returns cases from a 64-bit linear congruential generator, so that the reference values below
// can be computed by any other program from the same numbers. Probabilities are rounded to
// hundredths, which makes many ties.
func made(n int) []Case {
	state := uint64(42)
	next := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11) / (1 << 53)
	}
	cases := make([]Case, n)
	for i := range cases {
		p := math.RoundToEven(math.Pow(next(), 4)*100) / 100
		level := domain.LevelVeryLow
		switch {
		case p >= 0.9:
			level = domain.LevelExtreme
		case p >= 0.5:
			level = domain.LevelHigh
		case p >= 0.2:
			level = domain.LevelModerate
		}
		cases[i] = Case{p, level, next() < 0.8*p+0.01}
	}
	return cases
}

// The reference values are those of scikit-learn 1.2.1 on the same cases: roc_auc_score,
// average_precision_score, brier_score_loss, recall_score and precision_score. Brier skill, CSI and
// the calibration error have no function there and were computed with NumPy by their definitions.
func TestFiguresEqualScikitLearn(t *testing.T) {
	r := Score(made(2000))
	if r.Cases != 2000 || r.Events != 331 {
		t.Fatalf("%d cases, %d events", r.Cases, r.Events)
	}
	same := func(name string, got Figure, want float64) {
		t.Helper()
		if !(math.Abs(float64(got)-want) <= 1e-12) {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	same("ROC-AUC", r.ROCAUC, 0.8833554473887615)
	same("average precision", r.AveragePrecision, 0.6085408748760718)
	same("Brier", r.Brier, 0.09636155)
	same("Brier skill", r.BrierSkill, 0.30228278597274993)
	same("calibration error", r.CalibrationError, 0.038225)
	for _, w := range r.Warnings {
		switch w.Level {
		case "moderate":
			same("POD", w.POD, 0.8459214501510574)
			same("FAR", w.FAR, 0.5839524517087666)
			same("CSI", w.CSI, 0.3867403314917127)
		case "high":
			same("POD", w.POD, 0.5649546827794562)
			same("FAR", w.FAR, 0.415625)
			same("CSI", w.CSI, 0.40301724137931033)
		case "extreme":
			same("POD", w.POD, 0.1419939577039275)
			same("FAR", w.FAR, 0.1607142857142857)
			same("CSI", w.CSI, 0.13823529411764707)
		}
		if n := w.Hits + w.Misses + w.FalseAlarms + w.CorrectNegatives; n != r.Cases {
			t.Errorf("the table of %s holds %d cases", w.Level, n)
		}
	}
	n := 0
	for _, b := range r.Reliability {
		n += b.Cases
		if b.Lower > b.Frequency || b.Frequency > b.Upper {
			t.Errorf("bin %g: %v is outside %v–%v", b.From, b.Frequency, b.Lower, b.Upper)
		}
	}
	if n != r.Cases {
		t.Errorf("the reliability table holds %d cases", n)
	}
}

// SciPy 1.10.1: binomtest(10, 50).proportion_ci(method="wilson").
func TestIntervalIsWilsons(t *testing.T) {
	lower, upper := wilson(10, 50)
	if math.Abs(float64(lower)-0.11243750) > 1e-6 || math.Abs(float64(upper)-0.33037106) > 1e-6 {
		t.Errorf("got %v–%v", lower, upper)
	}
}

func TestUndefinedFiguresAreNull(t *testing.T) {
	for name, cases := range map[string][]Case{
		"no cases":    nil,
		"no events":   {{0.1, domain.LevelVeryLow, false}, {0.2, domain.LevelLow, false}},
		"only events": {{0.1, domain.LevelVeryLow, true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Score(cases)
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text, []byte(`"roc_auc":null`)) || !bytes.Contains(text, []byte(`"brier_skill":null`)) {
				t.Errorf("%s", text)
			}
			if err := r.WriteSVG(io.Discard, name); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPictureIsWellFormedXML(t *testing.T) {
	var b strings.Builder
	if err := Score(made(2000)).WriteSVG(&b, "a <title> & more"); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(b.String(), "NaN") {
		t.Error("the picture holds NaN")
	}
}
