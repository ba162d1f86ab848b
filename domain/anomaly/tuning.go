package anomaly

import (
	"fmt"
	"math"
)

// Tuning are the dimensionless numbers of the self-calibrating tests, fitted on pooled sensors.
type Tuning struct {
	WarmUp     int     // accepted values before a variable's own habits are known
	Jump       float64 // a jump is that many times the variable's large step
	JumpRecent float64 // and that many times its mean step of late
	JumpFloor  float64 // and that many times its median step
	JumpGrain  float64 // and that many times its resolution
	Record     float64 // and that many times the largest step in its direction that was believed
	Forget     float64 // share of those that is forgotten a reading
	Believe    float64 // share of a jump that a confirmed shift adds to the steps that are believed
	Together   float64 // how much jumps of other variables at the same reading add to a jump
	Bump       float64 // a spike is that many times the variable's large bump
	BumpRecent float64 // and that many times its mean step before it
	BumpLarge  float64 // and that many times its large step
	Accept     int     // readings in agreement that make a jump the new level
	Run        float64 // stuck is that many times the variable's long run
	MinRun     float64 // and at least that many readings
	Noise      float64 // noisy is that many times the typical swing
	NoiseBump  float64 // and that share of the large bump
	Weary      float64 // share that every alarm adds to the limits, until it is forgotten
	Rest       float64 // share of that which is forgotten a reading
	LargeP     float64 // the quantile that is a large step
	BumpP      float64 // the quantile that is a large bump
}

// Tunings are the numbers for each kind of habit.
type Tunings struct {
	// Air is for temperature and humidity of the air, Other for everything else that has a level.
	Air, Other Tuning
}

// DefaultTunings returns the numbers that were tuned on the development data: Other is the middle of four
// random walks on four sites of the Logan River; Air was searched on the weather station's first two years,
// its Bump and BumpLarge chosen afterwards among fifteen pairs on the same years.
func DefaultTunings() Tunings {
	return Tunings{
		Air: Tuning{
			WarmUp: 48, Jump: 1.28, JumpRecent: 1.55, JumpFloor: 28, JumpGrain: 13, Record: 0.008, Forget: 0.00016, Believe: 0.006,
			Together: 0, Bump: 2, BumpRecent: 4.6, BumpLarge: 0.6, Accept: 3, Run: 1.55, MinRun: 5.2, Noise: 6.25, NoiseBump: 1.1, Weary: 0, Rest: 0.0003, LargeP: 0.995, BumpP: 0.98,
		},
		Other: Tuning{
			WarmUp: 48, Jump: 7.699, JumpRecent: 7.77, JumpFloor: 10.8, JumpGrain: 4.65, Record: 1.689, Forget: 0.001694, Believe: 1.051, Together: 0.1837,
			Bump: 5.802, BumpRecent: 41.87, BumpLarge: 0.6859, Accept: 4, Run: 27.17, MinRun: 4.814, Noise: 7.285, NoiseBump: 1.379, Weary: 0.3136, Rest: 0.0003, LargeP: 0.98, BumpP: 0.98,
		},
	}
}

func (t *Tuning) validate() error {
	for _, v := range [...]float64{
		t.Jump, t.JumpRecent, t.JumpFloor, t.JumpGrain, t.Bump, t.BumpRecent, t.Run, t.MinRun, t.Noise, t.NoiseBump, t.LargeP, t.BumpP, t.Forget,
	} {
		if !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("tuning: %v is not positive and finite", v)
		}
	}
	for _, v := range [...]float64{t.Record, t.Believe, t.Together, t.BumpLarge, t.Weary, t.Rest} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("tuning: %v is negative or not finite", v)
		}
	}
	if t.WarmUp < 3 || t.Accept < 1 || t.LargeP >= 1 || t.BumpP >= 1 {
		return fmt.Errorf("tuning: warm-up %d, accept %d or a quantile is out of range", t.WarmUp, t.Accept)
	}
	return nil
}
