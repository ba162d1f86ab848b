package risk

import (
	"fmt"
	"math"

	"github.com/guardy-ai/guardy/domain/vector"
)

// candidate is what one member says of a request under one view of its history.
type candidate struct {
	member   *Member
	view     vector.View
	forecast bool // tomorrow's rain is known and heeded
	margin   float64
	odds     logOdds
}

// calibration is the one that turned the margin into the odds.
func (c *candidate) calibration() *Calibration {
	if c.forecast {
		return &c.member.ForecastCalibration
	}
	return &c.member.Calibration
}

// score returns the margin of a row and what it means.
func (m *Member) score(row []float32, forecast bool) (float64, logOdds) {
	margin := m.margin(row)
	if forecast {
		margin += m.Forecast.margin(row)
		return margin, m.ForecastCalibration.at(margin)
	}
	return margin, m.Calibration.at(margin)
}

// member returns the first member whose requirements the inputs meet under a view.
func (m *Model) member(in *vector.Inputs, view vector.View) *Member {
	river := !math.IsNaN(in.RiverRatio(1))
	for i := range m.members {
		c := &m.members[i]
		if (river || !c.RequiresRiver) && (!c.RequiresSite || c.knows(&in.Site)) && (view.Year || !c.RequiresYear) &&
			view.Level >= c.MinHistoryDays {
			return c
		}
	}
	panic("risk: NewModel accepted a model whose last member has requirements")
}

// knows reports whether enough is known of a site for a member that requires it. Beside a year of weather the climate
// of the site alone says less than the year does: something has to be known that the year cannot tell
// (app/predict/derived_test.go has the figures).
func (m *Member) knows(s *vector.Site) bool {
	if math.IsNaN(s.PrecipitationMeanMMDay) {
		return false
	}
	if !m.RequiresYear {
		return true
	}
	for _, v := range [...]float64{
		s.AreaKM2, s.SlopeMPerKM, s.SoilDepthM, s.SoilPorosity, s.SoilConductivityCMH, s.SoilWaterCapacityM, s.SandPercent,
		s.ForestFraction, s.LeafAreaIndexMax, s.GeologyPermeabilityLog10M2,
	} {
		if v == v {
			return true
		}
	}
	return false
}

// look answers the inputs under one view and leaves the features in row.
func (m *Model) look(in *vector.Inputs, view vector.View, row []float32) candidate {
	c := candidate{member: m.member(in, view), view: view}
	vector.Assemble(row, in, view)
	c.forecast = c.member.Forecast != nil && !math.IsNaN(in.Tomorrow())
	c.margin, c.odds = c.member.score(row, c.forecast)
	return c
}

// answer decides which view of an incomplete history speaks, and leaves its features in row.
//
// An unknown day must not count as a dry one: filling unknown days with zeros must not raise the answer. A view fills
// them with zeros itself and says how many there were, so filling them in the request changes no view; it only takes
// views away. The answer to an incomplete history is the greatest of its own view and of every view that fillings could
// lead to; then no filling raises it. A history without a rainy day answers at most what no history would: else the
// step from none to dry days could raise it.
func (m *Model) answer(in *vector.Inputs, row []float32) candidate {
	known := vector.Look(in)
	best := m.look(in, known.View, row)
	if !known.Rain || known.Wet && known.Year && known.Gaps == 0 {
		return best
	}
	var room [vector.NumFeatures]float32
	try := func(view vector.View) {
		if c := m.look(in, view, room[:]); c.odds.probability > best.odds.probability {
			best = c
			copy(row, room[:])
		}
	}
	m.otherViews(known, try)
	if !known.Wet {
		without := *in
		without.RainfallHistoryMM = nil
		if c := m.look(&without, vector.View{}, room[:]); c.odds.probability < best.odds.probability {
			best = c
			copy(row, room[:])
		}
	}
	return best
}

// otherViews tries every view to which a filling of unknown days could lead.
func (m *Model) otherViews(known vector.Known, try func(vector.View)) {
	if !known.Year {
		for _, level := range vector.Levels {
			if level > known.Level {
				try(vector.View{Level: level})
			}
		}
	}
	if !known.Warm {
		return
	}
	gaps := known.Gaps - 1
	if !known.Year { // the year may come to be read with as many gaps as now
		gaps = vector.MostGaps
	}
	for ; gaps >= 0; gaps-- {
		try(vector.View{Level: vector.LongestLevel, Year: true, Gaps: gaps})
	}
}

// schema is what the model needs to know of a version of the features.
type schema struct {
	name  string
	names []string
	first bool // vector.Schema1
}

func schemaOf(name string) (*schema, error) {
	for _, s := range schemas {
		if s.name == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("feature schema %q, this build computes %q and %q", name, vector.Schema, vector.Schema1)
}

var schemas = [...]*schema{
	{name: vector.Schema, names: vector.Names[:]},
	{name: vector.Schema1, names: vector.Names1[:], first: true},
}
