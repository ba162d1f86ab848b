package adaptive_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/guardy-ai/guardy/adapters/admission/adaptive"
	"github.com/guardy-ai/guardy/domain"
	"github.com/guardy-ai/guardy/ports"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bubble runs a test by a clock of its own, on a gate of so many slots at most for two processors.
func bubble(t *testing.T, slots int, test func(t *testing.T, g *adaptive.Gate)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := adaptive.DefaultConfig()
		cfg.MaxSlots = slots
		g, err := adaptive.New(cfg, 2)
		if err != nil {
			t.Fatal(err)
		}
		test(t, g)
		if f := g.Figures(); f.Used != 0 || f.Waiting != [ports.NumClasses]int{} {
			t.Errorf("left behind: %+v", f)
		}
	})
}

func enter(t *testing.T, g *adaptive.Gate, c ports.Class, cost int) ports.Slot {
	t.Helper()
	s, err := g.Enter(t.Context(), ports.Work{Class: c, Cost: cost})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func shedOf(t *testing.T, err error) *ports.Shed {
	t.Helper()
	var s *ports.Shed
	if !errors.As(err, &s) || domain.KindOf(err) != domain.KindUnavailable {
		t.Fatalf("%v is not shedding", err)
	}
	return s
}

func TestWorkBeginsInTheOrderOfItsClass(t *testing.T) {
	bubble(t, 4, func(t *testing.T, g *adaptive.Gate) {
		var held []ports.Slot
		for range 4 {
			held = append(held, enter(t, g, ports.ClassSingle, 1))
		}
		var mu sync.Mutex
		var order []ports.Class
		var wg sync.WaitGroup
		for _, c := range []ports.Class{ports.ClassPlan, ports.ClassBulk, ports.ClassSingle} {
			wg.Go(func() {
				s := enter(t, g, c, 1)
				mu.Lock()
				order = append(order, c)
				mu.Unlock()
				time.Sleep(time.Millisecond)
				s.Leave()
			})
			synctest.Wait()
		}
		held[0].Leave() // the one free slot goes from one to the next
		wg.Wait()
		if want := []ports.Class{ports.ClassSingle, ports.ClassBulk, ports.ClassPlan}; !slices.Equal(order, want) {
			t.Errorf("begun in the order %v", order)
		}
		for _, s := range held[1:] {
			s.Leave()
		}
	})
}

func TestProbesAreNeverShed(t *testing.T) {
	bubble(t, 1, func(t *testing.T, g *adaptive.Gate) {
		s := enter(t, g, ports.ClassSingle, 1)
		for range 1000 {
			enter(t, g, ports.ClassProbe, 1)
		}
		s.Leave()
	})
}

func TestLowerClassesLeaveRoomForSingles(t *testing.T) {
	bubble(t, 8, func(t *testing.T, g *adaptive.Gate) {
		var held []ports.Slot
		for class, most := range map[ports.Class]int{ports.ClassBulk: 4, ports.ClassPlan: 2} {
			for range most {
				held = append(held, enter(t, g, class, 1))
			}
			if _, err := g.Enter(t.Context(), ports.Work{Class: class, Cost: 1}); shedOf(t, err).Class != class {
				t.Errorf("%v: %v", class, err)
			}
		}
		held = append(held, enter(t, g, ports.ClassSingle, 1), enter(t, g, ports.ClassSingle, 1))
		for _, s := range held {
			s.Leave()
		}
	})
}

func TestWorkTakesSlotsByItsCostAndNeverMoreThanItsClassMay(t *testing.T) {
	bubble(t, 8, func(t *testing.T, g *adaptive.Gate) {
		s := enter(t, g, ports.ClassBulk, 3)
		if used := g.Figures().Used; used != 3 {
			t.Errorf("%d slots in use", used)
		}
		s.Leave()
		s = enter(t, g, ports.ClassBulk, 1000)
		if used := g.Figures().Used; used != 4 {
			t.Errorf("%d slots in use", used)
		}
		s.Leave()
	})
}

func TestWhoWaitsForTooLongIsShedAndComesBackAtAnotherTimeThanOthers(t *testing.T) {
	bubble(t, 2, func(t *testing.T, g *adaptive.Gate) {
		held := []ports.Slot{enter(t, g, ports.ClassSingle, 1), enter(t, g, ports.ClassSingle, 1)}
		for class, most := range map[ports.Class]time.Duration{
			ports.ClassSingle: 500 * time.Millisecond, ports.ClassBulk: time.Second, ports.ClassPlan: 2 * time.Second,
		} {
			start, again := time.Now(), map[time.Duration]bool{}
			for range 20 {
				before := time.Now()
				_, err := g.Enter(t.Context(), ports.Work{Class: class})
				s := shedOf(t, err)
				if waited := time.Since(before); s.Class != class || s.Reason != ports.ShedQueueTime || waited != most {
					t.Errorf("%v after %v", s, waited)
				}
				if s.RetryAfter < time.Second || s.RetryAfter > 13*time.Second {
					t.Errorf("come again after %v", s.RetryAfter)
				}
				again[s.RetryAfter] = true
			}
			if len(again) < 10 {
				t.Errorf("%v: %d times to come again for 20 after %v", class, len(again), time.Since(start))
			}
		}
		for _, s := range held {
			s.Leave()
		}
	})
}

func TestAQueueThatStandsShedsSooner(t *testing.T) {
	bubble(t, 2, func(t *testing.T, g *adaptive.Gate) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var slowest time.Duration
		shed := 0
		for range 2000 { // one comes each millisecond, and two are done in five
			wg.Go(func() {
				start := time.Now()
				s, err := g.Enter(t.Context(), ports.Work{Class: ports.ClassSingle})
				mu.Lock()
				if err != nil {
					shed++
				} else {
					slowest = max(slowest, time.Since(start))
				}
				mu.Unlock()
				if err == nil {
					time.Sleep(5 * time.Millisecond)
					s.Leave()
				}
			})
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		if slowest > 110*time.Millisecond || shed < 1000 || shed > 1300 {
			t.Errorf("the slowest began after %v, and %d of 2000 were shed where 1200 are too many", slowest, shed)
		}
	})
}

func TestClientsTakeTurns(t *testing.T) {
	bubble(t, 1, func(t *testing.T, g *adaptive.Gate) {
		held := enter(t, g, ports.ClassSingle, 1)
		var mu sync.Mutex
		var order []int
		var wg sync.WaitGroup
		for i := range 11 { // ten of one client, then one of another
			client := netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", i/10))
			wg.Go(func() {
				s, err := g.Enter(t.Context(), ports.Work{Class: ports.ClassSingle, Client: client})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				s.Leave()
			})
			synctest.Wait()
		}
		held.Leave()
		wg.Wait()
		if at := slices.Index(order, 10); at > 1 {
			t.Errorf("the other client was served after %d of the first: %v", at, order)
		}
	})
}

func TestWhoRestsKeepsNobodyFromWorking(t *testing.T) {
	bubble(t, 1, func(t *testing.T, g *adaptive.Gate) {
		s := enter(t, g, ports.ClassPlan, 1)
		ctx := ports.WithSlot(t.Context(), s)
		err := ports.AtRest(ctx, func() { enter(t, g, ports.ClassSingle, 1).Leave() })
		if err != nil || g.Figures().Used != 1 {
			t.Errorf("%v, %+v", err, g.Figures())
		}
		// Who comes back waits for its turn, however long that takes, and is not shed.
		var other ports.Slot
		if err := ports.AtRest(ctx, func() {
			first := enter(t, g, ports.ClassSingle, 1)
			go func() {
				time.Sleep(time.Minute)
				first.Leave()
			}()
		}); err != nil {
			t.Error(err)
		}
		ended, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		err = ports.AtRest(ended, func() { other = enter(t, g, ports.ClassSingle, 1) })
		if domain.KindOf(err) != domain.KindDeadline {
			t.Errorf("%v", err)
		}
		s.Leave() // at rest still: it has nothing to give back
		other.Leave()
		if err := ports.AtRest(t.Context(), func() {}); err != nil {
			t.Errorf("without a slot: %v", err)
		}
	})
}

func TestWhoGivesUpInTheQueueLeavesIt(t *testing.T) {
	bubble(t, 1, func(t *testing.T, g *adaptive.Gate) {
		held := enter(t, g, ports.ClassSingle, 1)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.Enter(ctx, ports.Work{Class: ports.ClassSingle}); domain.KindOf(err) != domain.KindCanceled {
			t.Error(err)
		}
		held.Leave()
		enter(t, g, ports.ClassSingle, 1).Leave()
	})
}

// load has n callers work one after the other for so long. took is the time of a work with that many in use.
func load(t *testing.T, g *adaptive.Gate, n int, lasts time.Duration, took func(used int) time.Duration) {
	t.Helper()
	end := time.Now().Add(lasts)
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for time.Now().Before(end) {
				s, err := g.Enter(t.Context(), ports.Work{Class: ports.ClassSingle})
				if err != nil {
					continue
				}
				time.Sleep(took(g.Figures().Used))
				s.Leave()
			}
		})
	}
	wg.Wait()
}

// processors is work that shares two processors.
func processors(used int) time.Duration { return time.Millisecond * time.Duration(max(used, 2)) / 2 }

func TestTheLimitStaysNearTheProcessorsWhereTheyAreTheBound(t *testing.T) {
	bubble(t, 256, func(t *testing.T, g *adaptive.Gate) {
		load(t, g, 2, time.Second, processors)
		load(t, g, 100, 30*time.Second, processors)
		if limit := g.Figures().Limit; limit < 4 || limit > 12 {
			t.Errorf("%d slots for two processors", limit)
		}
	})
}

func TestTheLimitRisesWhereWorkWaitsForSomethingElse(t *testing.T) {
	bubble(t, 256, func(t *testing.T, g *adaptive.Gate) {
		load(t, g, 500, 30*time.Second, func(int) time.Duration { return 20 * time.Millisecond })
		if limit := g.Figures().Limit; limit < 200 {
			t.Errorf("%d slots for work that does not mind", limit)
		}
	})
}

func TestALongOverloadDoesNotBecomeNormal(t *testing.T) {
	bubble(t, 256, func(t *testing.T, g *adaptive.Gate) {
		load(t, g, 2, time.Second, processors)
		load(t, g, 40, 10*time.Minute, processors)
		if limit := g.Figures().Limit; limit > 12 {
			t.Errorf("%d slots for two processors", limit)
		}
	})
}

func TestConfigReportsEveryMistake(t *testing.T) {
	if err := adaptive.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if _, err := adaptive.New(adaptive.Config{}, 1); err == nil {
		t.Error("accepted")
	}
}

func BenchmarkEnterAndLeave(b *testing.B) {
	g, err := adaptive.New(adaptive.DefaultConfig(), 2)
	if err != nil {
		b.Fatal(err)
	}
	w := ports.Work{Class: ports.ClassSingle, Cost: 1}
	b.ReportAllocs()
	for b.Loop() {
		s, err := g.Enter(b.Context(), w)
		if err != nil {
			b.Fatal(err)
		}
		s.Leave()
	}
}
