package weather

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Place is a flood-risk question, with the fields of the API.
type Place struct {
	LocationID        string             `json:"location_id"`
	Date              string             `json:"date"`
	Latitude          float64            `json:"latitude"`
	Longitude         float64            `json:"longitude"`
	RainfallMM        float64            `json:"rainfall_mm"`
	Temperature       float64            `json:"temperature"`
	Humidity          *float64           `json:"humidity,omitempty"`
	RainfallHistoryMM []float64          `json:"rainfall_history_mm,omitempty"`
	River             *River             `json:"river,omitempty"`
	Site              map[string]float64 `json:"site,omitempty"`
}

// River is how high a river stands.
type River struct {
	Value          float64 `json:"value"`
	Normal         float64 `json:"normal"`
	FloodThreshold float64 `json:"flood_threshold"`
}

// Gauge is hours of weather at a river gauge, by column, oldest first.
type Gauge struct {
	Name        string    `json:"name"`
	Latitude    float64   `json:"latitude"`
	Longitude   float64   `json:"longitude"`
	Start       string    `json:"start"`
	Normal      float64   `json:"normal"`
	Flood       float64   `json:"flood"`
	RainfallMM  []float64 `json:"rainfall_mm"`
	Temperature []float64 `json:"temperature"`
	Humidity    []float64 `json:"humidity"`
	WaterLevelM []float64 `json:"water_level_m"`
}

// Maker draws from a fit. Equal seeds give equal samples.
type Maker struct {
	fit Fit
	rng *rand.Rand
}

// NewMaker returns a maker.
func NewMaker(f Fit, seed uint64) *Maker { return &Maker{f, rand.New(rand.NewPCG(seed, 0))} }

// What a client knows of a place differs. These are assumptions: nothing measures them.
const (
	knowsHistory  = 0.6 // has the daily rain of the last week
	knowsRiver    = 0.3
	knowsSite     = 0.5
	lacksHumidity = 0.1
	historyDays   = 7
)

// Place draws the place with number i.
func (m *Maker) Place(i int) Place {
	month := m.rng.IntN(12)
	day := time.Date(2020, time.Month(month+1), 1+m.rng.IntN(28), 0, 0, 0, 0, time.UTC)
	mm := m.days(month, historyDays+1)
	p := Place{
		LocationID: fmt.Sprintf("place-%04d", i), Date: day.Format(time.DateOnly),
		Latitude: m.between(26, 48), Longitude: m.between(-122, -68),
		RainfallMM:  mm[historyDays],
		Temperature: m.temperature(month),
	}
	if m.rng.Float64() >= lacksHumidity {
		h := m.humidity(month, p.RainfallMM >= WetDay)
		p.Humidity = &h
	}
	if m.rng.Float64() < knowsHistory {
		p.RainfallHistoryMM = mm[:historyDays]
		slices.Reverse(p.RainfallHistoryMM) // newest first
	}
	if m.rng.Float64() < knowsRiver {
		p.River = m.river()
	}
	if m.rng.Float64() < knowsSite {
		p.Site = map[string]float64{}
		for _, name := range m.siteNames() { // in a fixed order, or equal seeds would not do
			p.Site[name] = math.Round(m.draw(m.fit.Site[name])*1000) / 1000
		}
	}
	return p
}

func (m *Maker) siteNames() []string {
	names := make([]string, 0, len(m.fit.Site))
	for name := range m.fit.Site {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (m *Maker) river() *River {
	normal := m.between(1, 3)
	flood := round(normal + m.between(2, 5))
	return &River{round(normal + m.draw(m.fit.River)*(flood-normal)), normal, flood}
}

// days draws the rain of consecutive days of a month.
func (m *Maker) days(month, n int) []float64 {
	return m.rain(n, m.fit.Months[month].Wet, m.fit.StayWet-m.fit.TurnWet, m.fit.Rain)
}

// rain draws a chain of wet and dry steps: wet is the share of wet ones, memory how much likelier rain is
// after rain than after none.
func (m *Maker) rain(n int, wet, memory float64, amounts []float64) []float64 {
	out, chance := make([]float64, n), wet
	for i := range out {
		next := wet * (1 - memory) // which keeps the share
		if m.rng.Float64() < chance {
			out[i], next = math.Round(m.draw(amounts)*10)/10, next+memory
		}
		chance = next
	}
	return out
}

func (m *Maker) temperature(month int) float64 {
	of := m.fit.Months[month]
	return math.Round((of.Temperature+of.Spread*m.rng.NormFloat64())*10) / 10
}

func (m *Maker) humidity(month int, wet bool) float64 {
	mean := m.fit.Months[month].HumidityDry
	if wet {
		mean = m.fit.Months[month].HumidityWet
	}
	return math.Round(min(100, max(15, mean+10*m.rng.NormFloat64())))
}

// Gauge draws the gauge with number i and hours of its weather.
func (m *Maker) Gauge(i, hours int) Gauge {
	month := m.rng.IntN(12)
	f := m.fit.Hour
	g := Gauge{
		Name: fmt.Sprintf("gauge-%03d", i), Latitude: m.between(26, 48), Longitude: m.between(-122, -68),
		Start:  time.Date(2020, time.Month(month+1), 1+m.rng.IntN(28), m.rng.IntN(24), 0, 0, 0, time.UTC).Format(time.RFC3339),
		Normal: m.between(0.5, 2),
	}
	g.Flood = round(g.Normal + m.between(1, 3))
	memory := f.StayWet - f.TurnWet
	g.RainfallMM = m.rain(hours, f.TurnWet/(1-memory), memory, f.Rain)
	z, warmth := m.draw(f.Level), m.temperature(month)
	for h, mm := range g.RainfallMM {
		z = z*f.Recession + mm*rise
		daily := 4 * math.Sin(2*math.Pi*float64(h)/24)
		g.WaterLevelM = append(g.WaterLevelM, math.Round((g.Normal+z*(g.Flood-g.Normal))*1000)/1000)
		g.Temperature = append(g.Temperature, math.Round((warmth+daily)*10)/10)
		g.Humidity = append(g.Humidity, m.humidity(month, mm >= WetHour))
	}
	return g
}

// rise is how far towards its high mark a river rises for each mm of rain in an hour: ten mm bring it a
// fifth of the way. An assumption; rivers differ by more than ten times.
const rise = 0.02

// draw draws from quantiles at Levels.
func (m *Maker) draw(quantiles []float64) float64 {
	u := m.rng.Float64()
	i := max(1, slices.IndexFunc(Levels, func(p float64) bool { return p > u }))
	share := (u - Levels[i-1]) / (Levels[i] - Levels[i-1])
	return quantiles[i-1] + share*(quantiles[i]-quantiles[i-1])
}

// between draws evenly, in steps of a hundredth.
func (m *Maker) between(low, high float64) float64 {
	return math.Round((low+(high-low)*m.rng.Float64())*100) / 100
}
