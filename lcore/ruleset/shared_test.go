package ruleset

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// racers is how many workers the races here have: more than this machine may have cores, so that they are interrupted
// anywhere.
const racers = 4

// race has all racers run what they are given, as nearly at once as can be, and waits for them.
func race(run func(worker int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(racers)
	for worker := range racers {
		done.Go(func() {
			ready.Done()
			<-start
			run(worker)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}

// TestTrialRace: of all workers that ask for a real's trial, one gets it, in 10,000 races.
func TestTrialRace(t *testing.T) {
	s := NewShared(nil, 2)
	for round := range 10_000 {
		s.OpenTrial(1)
		var taken atomic.Int32
		race(func(int) {
			if s.TakeTrial(1) {
				taken.Add(1)
			}
			if s.TakeTrial(2) {
				t.Error("a trial of a real that has none")
			}
		})
		if n := taken.Load(); n != 1 {
			t.Fatalf("race %d: %d trials", round, n)
		}
		s.EndTrial(1)
		if s.TakeTrial(1) {
			t.Fatalf("race %d: a trial after its end", round)
		}
	}
}

// TestTrialReturnedInARace: a ticket that is given back and taken again is in one hand at a time.
func TestTrialReturnedInARace(t *testing.T) {
	s := NewShared(nil, 1)
	s.OpenTrial(1)
	var held, taken atomic.Int32
	race(func(int) {
		for range 10_000 {
			if !s.TakeTrial(1) {
				continue
			}
			if n := held.Add(1); n != 1 {
				t.Errorf("%d hold the ticket", n)
			}
			taken.Add(1)
			held.Add(-1)
			s.ReturnTrial(1)
		}
	})
	if taken.Load() == 0 || !s.TakeTrial(1) {
		t.Errorf("taken %d times, and lost", taken.Load())
	}
}

// TestTrialEndedInARace: what control took back, no worker brings back.
func TestTrialEndedInARace(t *testing.T) {
	s := NewShared(nil, 1)
	for range 2000 {
		s.OpenTrial(1)
		race(func(worker int) {
			if worker == 0 {
				s.EndTrial(1)
			} else if s.TakeTrial(1) {
				s.ReturnTrial(1)
			}
		})
		if s.TakeTrial(1) {
			t.Fatal("a trial after its end")
		}
	}
}

func TestTrialTicket(t *testing.T) {
	s := NewShared(nil, 1)
	steps := []struct {
		name string
		do   func()
		want bool // can be taken then
	}{
		{"at first", func() {}, false},
		{"returned without being taken", func() { s.ReturnTrial(1) }, false},
		{"opened", func() { s.OpenTrial(1) }, true},
		{"taken", func() {}, false},
		{"returned", func() { s.ReturnTrial(1) }, true},
		{"ended while taken", func() { s.EndTrial(1) }, false},
		{"returned after the end", func() { s.ReturnTrial(1) }, false},
		{"opened again", func() { s.OpenTrial(1) }, true},
		{"opened while taken", func() { s.OpenTrial(1) }, true},
	}
	for _, step := range steps {
		if step.do(); s.TakeTrial(1) != step.want {
			t.Errorf("%s: taken %v, want %v", step.name, !step.want, step.want)
		}
	}
}

// TestLimitRace: a real never has more connections than it may, over all workers, and can have as many.
func TestLimitRace(t *testing.T) {
	for _, most := range []uint32{1, 3, 7} {
		shared := NewShared(nil, 1)
		var open atomic.Int32 // those that were let through
		var refused atomic.Int32
		race(func(worker int) {
			c := NewCounts(nil, Slots{Bindings: 1, Reals: 1, Virtuals: 1}, shared)
			held := 0
			for i := range 5000 {
				if held < 3 && c.Reserve(1, most) {
					held++
					if n := open.Add(1); n > int32(most) {
						t.Errorf("%d connections, at most %d", n, most)
					}
					runtime.Gosched() // the others come to the limit meanwhile
				} else if held < 3 {
					refused.Add(1)
				}
				if held > 0 && (held == 3 || i%(worker+2) == 0) {
					open.Add(-1)
					c.Release(1)
					held--
				}
				if c.Reals[1].Open != uint32(held) {
					t.Errorf("worker %d: %d of its own, want %d", worker, c.Reals[1].Open, held)
				}
			}
			for range held {
				open.Add(-1)
				c.Release(1)
			}
		})
		if shared.Connections(1) != 0 {
			t.Errorf("in the end: %d connections", shared.Connections(1))
		}
		if refused.Load() == 0 {
			t.Errorf("limit %d was never reached: this test shows nothing", most)
		}
		c := NewCounts(nil, Slots{Bindings: 1, Reals: 1, Virtuals: 1}, shared)
		for n := range most {
			if !c.Reserve(1, most) {
				t.Errorf("%d connections are too many already, at most %d", n, most)
			}
		}
		if c.Reserve(1, most) || shared.Connections(1) != most {
			t.Errorf("%d connections, at most %d", shared.Connections(1), most)
		}
		if !c.Reserve(1, 0) || shared.Connections(1) != most+1 {
			t.Error("no limit is one")
		}
	}
}

// TestSignalsRace: whatever workers raise, control takes, if it looks when Raised has changed.
func TestSignalsRace(t *testing.T) {
	const rounds = 5000
	all := []Signal{ThresholdReached, TrialAnswered, TrialSilent, TrialRefused, TrialVanished, ShowsLife}
	s := NewShared(nil, 2)
	var mutex sync.Mutex // one step of control's at a time
	var seen uint64
	taken := map[Signal]bool{}
	look := func() {
		mutex.Lock()
		defer mutex.Unlock()
		if raised := s.Raised(); raised != seen {
			seen = raised
			got := s.Signals(1)
			for _, signal := range all {
				taken[signal] = taken[signal] || got&signal != 0
			}
		}
	}
	for range rounds / 10 {
		clear(taken)
		race(func(worker int) {
			if worker == 0 {
				for range 20 {
					look()
				}
				return
			}
			for i := range all {
				s.Raise(1, all[(i+worker)%len(all)])
			}
		})
		look()
		for _, signal := range all {
			if !taken[signal] {
				t.Fatalf("signal %#x is lost", signal)
			}
		}
	}
	if s.Signals(1) != 0 || s.Signals(2) != 0 {
		t.Error("signals that nobody raised")
	}
}

func TestSignals(t *testing.T) {
	s := NewShared(nil, 2)
	s.Raise(1, ShowsLife)
	s.Raise(1, ShowsLife) // stays raised, and is not counted twice
	s.Raise(1, TrialSilent)
	s.Raise(2, TrialRefused)
	if n := s.Raised(); n != 3 {
		t.Errorf("%d raised, want 3", n)
	}
	if got := s.Signals(1); got != ShowsLife|TrialSilent {
		t.Errorf("signals %#x", got)
	}
	if got := s.Signals(1); got != 0 {
		t.Errorf("taken twice: %#x", got)
	}
	s.Raise(1, ShowsLife)
	if got := s.Signals(1); got != ShowsLife || s.Raised() != 4 {
		t.Errorf("raised again: %#x, %d", got, s.Raised())
	}
	if got := s.Signals(2); got != TrialRefused {
		t.Errorf("the other's signals %#x", got)
	}
}

// TestThreshold: a run of ditched connections raises the signal when it is long enough, whoever counts them.
func TestThreshold(t *testing.T) {
	for _, tt := range []struct {
		name      string
		threshold uint32
		run       string // d: ditched, a: answered
		want      bool
		ditched   uint32
	}{
		{"seven of eight", 8, "ddddddd", false, 7},
		{"eight", 8, "dddddddd", true, 8},
		{"more", 8, "ddddddddd", true, 9},
		{"a success between", 8, "dddddddaddddddd", false, 7},
		{"a success, then eight", 8, "dadddddddd", true, 8},
		{"at once", 1, "d", true, 1},
		{"never", 0, "dddddddddddddddddddd", false, 20},
		{"successes", 1, "aaa", false, 0},
	} {
		s := NewShared(nil, 2)
		for _, c := range tt.run {
			if c == 'd' {
				s.Ditch(1, tt.threshold)
			} else {
				s.Answered(1)
			}
		}
		if got := s.Signals(1) == ThresholdReached; got != tt.want || s.Ditched(1) != tt.ditched || s.Ditched(2) != 0 || s.Signals(2) != 0 {
			t.Errorf("%s: raised %v, %d ditched", tt.name, got, s.Ditched(1))
		}
	}
}

// TestDitchRace: no ditched connection is miscounted.
func TestDitchRace(t *testing.T) {
	s := NewShared(nil, 1)
	race(func(int) {
		for range 1000 {
			s.Ditch(1, racers*1000)
		}
	})
	if s.Ditched(1) != racers*1000 || s.Signals(1) != ThresholdReached {
		t.Errorf("%d ditched", s.Ditched(1))
	}
}

func TestTallies(t *testing.T) {
	c := NewCounts(nil, Slots{Bindings: 1, Reals: 2, Virtuals: 2}, NewShared(nil, 2))
	c.Ditch(2, false)
	c.Ditch(2, false)
	c.Ditch(2, true)
	c.Move(2)
	c.Measure(2, 0, 77)
	if got := c.Tally(2); got != (RealTally{Silent: 2, Refused: 1, Moved: 1, Response: 1, Answered: 77}) {
		t.Errorf("%+v: what is measured is never 0, which means no sample", got)
	}
	c.Measure(2, 500, 1<<32-1)
	if got := c.Tally(2); got.Response != 500 || got.Answered != 1<<32-1 || c.Tally(1) != (RealTally{}) {
		t.Errorf("%+v, the other %+v", got, c.Tally(1))
	}
	c.HalfOpen(2, 1)
	c.HalfOpen(2, 1)
	c.HalfOpen(2, -1)
	c.NoReal(2)
	c.Virtuals[2].Others = 40
	if got := c.Virtual(2); got != (VirtualCount{HalfOpen: 1, NoReal: 1}) || c.AllHalfOpen(2) != 41 || c.AllHalfOpen(1) != 0 {
		t.Errorf("%+v, %d over all", got, c.AllHalfOpen(2))
	}
	if n := testing.AllocsPerRun(100, func() {
		c.Ditch(1, true)
		c.Move(1)
		c.Measure(1, 2, 3)
		c.Shared.Ditch(1, 3)
		c.Shared.Raise(1, ShowsLife)
		c.Shared.Signals(1)
		c.Shared.Answered(1)
		c.Shared.OpenTrial(1)
		c.Shared.TakeTrial(1)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
