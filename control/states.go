package control

import (
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"linedirector/conf"
	"linedirector/control/events"
	"linedirector/control/synretry"
	"linedirector/lcore/ruleset"
)

// condition is what control knows of a real's health.
type condition struct {
	machine synretry.Machine
	admin   conf.State // what the file says
	ramped  uint32     // tick at which its slow start began
	run     tally      // what was ditched when its present run of ditched connections had not begun
	timed   bool       // it is among the director's timed ones
	entered [synretry.States]uint64

	told   synretry.State // the last one that log and journal show
	toldAt time.Time      // when they last showed it full, or no more
	untold int            // changes between full and not full since then
}

// administrative are the file's states.
var administrative = map[conf.State]synretry.State{
	conf.StateInService:    synretry.InService,
	conf.StateMaintenance:  synretry.Maintenance,
	conf.StateStickyOnly:   synretry.StickyOnly,
	conf.StateOutOfService: synretry.OutOfService,
}

// settle brings the reals' states in line with a new configuration. What is known of a real that stays, stays; one
// that is new begins slowly, but for the program's start, where all are new.
func (d *Director) settle(now time.Time, start bool) {
	d.limited = d.limited[:0]
	for _, r := range d.objects.liveReals {
		settings := synretry.Settings{
			Threshold: uint32(r.conf.Threshold), MaxConns: uint32(r.maxConns),
			Retry: r.conf.Retry, SlowStart: r.conf.SlowStart, AutoReturn: r.conf.AutoReturn,
		}
		if !r.tcp {
			settings.Threshold = 0
		}
		switch {
		case r.fresh:
			d.begin(r, settings, now, start)
		default:
			r.machine.Settings = settings
			d.weigh(now, r, r.were)
			if at := r.machine.State(); !r.tcp && (at == synretry.Failed || at == synretry.Testing) {
				d.set(now, r, synretry.InService, "no TCP virtual is left that could try it")
			}
			if r.conf.State != r.admin {
				d.set(now, r, administrative[r.conf.State], "the configuration says so")
			}
			if r.conf.Probe == nil {
				d.probeUp(now, r, "no probe any more")
			}
		}
		r.admin = r.conf.State
		if r.maxConns > 0 || r.machine.State() == synretry.MaxCapacity {
			d.limited = append(d.limited, r)
		}
	}
	for _, r := range d.objects.reals {
		if r.draining {
			d.shared.EndTrial(r.slot)
		}
	}
	d.targetsChanged = true
}

// begin is for a real that the configuration has anew. Its slot may have been another's.
func (d *Director) begin(r *real, settings synretry.Settings, now time.Time, start bool) {
	d.shared.EndTrial(r.slot)
	d.clear(r)
	d.unmeasured(r)
	r.fresh, r.added = false, d.workers.Now()
	r.machine = synretry.New(settings, administrative[r.conf.State], now)
	r.told = r.machine.State()
	r.run = tallied(d.workers.Counts(), r.slot)
	if !start && r.machine.Ramp(now) {
		r.ramped = d.workers.Now()
		d.time(r)
	}
}

// clear lets a real begin without a run of ditched connections, and without what workers said of the time before.
func (d *Director) clear(r *real) {
	d.shared.Answered(r.slot)
	d.shared.Signals(r.slot)
}

// grain is how precise retry timers and the ends of slow starts are, and how often it is looked whether reals are full.
const grain = 100 * time.Millisecond

// look acts upon what workers raised, and upon the time. However many reals change, workers get one set of rules.
func (d *Director) look(now time.Time) {
	if raised := d.shared.Raised(); raised != d.raised {
		d.raised = raised
		d.changed = d.hear(now) || d.changed
	}
	if now.Sub(d.looked) >= grain {
		d.looked = now
		d.changed = d.age(now) || d.changed
		d.changed = d.endFlushes() || d.changed
		d.purgeSticky()
		d.measure(now)
	}
	if d.changed && !now.Before(d.rest) {
		d.publish()
		d.rest = now.Add(restful * time.Since(now))
	}
	d.setTargets()
}

// restful is how many times longer than it takes to make rules control waits before it makes the next because of
// signals: where thousands of reals fail one by one under a large configuration, it must have time for all else.
const restful = 4

// hear takes all signals of workers, and says whether rules must change.
func (d *Director) hear(now time.Time) (changed bool) {
	for _, r := range d.objects.liveReals {
		s := d.shared.Signals(r.slot)
		if s == 0 {
			continue
		}
		if t, ok := r.machine.Signals(now, s); ok {
			d.move(now, r, t)
			changed = true
		} else if r.machine.State() == synretry.Testing && s&ruleset.TrialVanished != 0 {
			d.shared.OpenTrial(r.slot)
			d.log.Debug("trial connection given up by its client; the next one is the trial", zap.String("real", r.conf.Name))
		}
	}
	return changed
}

// time has age look after a real.
func (d *Director) time(r *real) {
	if !r.timed {
		r.timed = true
		d.timed = append(d.timed, r)
	}
}

// age ends rests and slow starts, and says whether rules must change.
func (d *Director) age(now time.Time) (changed bool) {
	d.timed = slices.DeleteFunc(d.timed, func(r *real) bool {
		if !r.draining {
			if t, ok := r.machine.Tick(now); ok {
				d.move(now, r, t)
				changed = true
			}
			if r.machine.EndRamp(now) {
				changed = true
			}
			_, failed := r.machine.RetryIn(now)
			_, ramping := r.machine.RampLeft(now)
			if failed || ramping {
				return false
			}
		}
		r.timed = false
		return true
	})
	return changed
}

// measure looks which reals are full. Workers need not be told: they know at each connection.
func (d *Director) measure(now time.Time) {
	for _, r := range d.limited {
		d.fill(now, r)
	}
}

// fill makes a real's state say whether it is full. A real that stands at its limit becomes full and is no more many
// times a second: the log and the journal show one change a second at most, and how many they left out.
func (d *Director) fill(now time.Time, r *real) {
	if t, ok := r.machine.Connections(now, d.shared.Connections(r.slot)); ok {
		r.entered[t.To]++
		r.untold++
		d.kept.due = true
	}
	at := r.machine.State()
	if !at.Serves() || at == r.told || now.Sub(r.toldAt) < time.Second {
		return
	}
	cause := r.machine.Cause()
	if r.untold > 1 {
		cause += fmt.Sprintf(", the last of %d changes", r.untold)
	}
	r.toldAt, r.untold = now, 0
	d.tell(now, r, synretry.Transition{From: r.told, To: at, Cause: cause})
}

// move does what comes with a transition. The caller publishes.
func (d *Director) move(now time.Time, r *real, t synretry.Transition) {
	r.entered[t.To]++
	r.untold = 0
	d.tell(now, r, t)
	if t.From == synretry.Testing {
		d.shared.EndTrial(r.slot)
	}
	switch {
	case t.To == synretry.Testing:
		d.clear(r)
		d.shared.OpenTrial(r.slot)
	case t.Returns():
		d.clear(r)
		r.run = tallied(d.workers.Counts(), r.slot)
		r.ramped = d.workers.Now()
	}
	d.time(r)
	if t.To == synretry.OutOfService {
		d.purgeLater(r)
	}
	if t.From.Probed() != t.To.Probed() {
		d.targetsChanged = true
	}
}

// tell writes a transition into log and journal.
func (d *Director) tell(now time.Time, r *real, t synretry.Transition) {
	n := d.numbers(r)
	level := zap.InfoLevel
	if t.To == synretry.Failed || t.To == synretry.ExternallyFailed {
		level = zap.WarnLevel
	}
	d.log.Log(level, "real changes its state", zap.String("real", r.conf.Name),
		zap.Stringer("from", r.told), zap.Stringer("to", t.To), zap.String("cause", t.Cause),
		zap.Uint32("ditched", n.Ditched), zap.Uint32("by_silence", n.BySilence), zap.Uint32("by_reset", n.ByReset),
		zap.Uint32("threshold", n.Threshold), zap.Uint64("connections", n.Connections))
	d.journal.Add(events.Event{
		Time: now, Kind: events.State, Real: r.conf.Name, From: r.told.String(), To: t.To.String(), Cause: t.Cause, Numbers: n,
	})
	r.told = t.To
	d.kept.due = true
}

// numbers are a real's, as an event shows them.
func (d *Director) numbers(r *real) events.Numbers {
	n := events.Numbers{
		Ditched: d.shared.Ditched(r.slot), Threshold: r.machine.Threshold,
		Connections: uint64(d.shared.Connections(r.slot)),
	}
	n.BySilence, n.ByReset = apportion(n.Ditched, tallied(d.workers.Counts(), r.slot).minus(r.run))
	return n
}

// apportion says of a run of ditched connections how many fell silent and how many were refused. Workers count these
// over all times; of what was ditched since the run was last seen not to have begun, its newest part is the run.
func apportion(ditched uint32, since tally) (silent, refused uint32) {
	all := since.silent + since.refused
	if all == 0 {
		return 0, 0
	}
	refused = uint32((uint64(ditched)*since.refused + all/2) / all)
	return ditched - refused, refused
}

// watchRuns notes where reals have no run of ditched connections at this moment.
func (d *Director) watchRuns() {
	counts := d.workers.Counts()
	for _, r := range d.objects.liveReals {
		if d.shared.Ditched(r.slot) == 0 {
			r.run = tallied(counts, r.slot)
		}
	}
}

// set is an operator's wish, and says whether rules must change. Where it ends what a probe may have done, the probe
// begins as if it had never asked: the operator says that the real works, and so it has to find out again if it does not.
func (d *Director) set(now time.Time, r *real, to synretry.State, cause string) bool {
	t, ok := r.machine.Set(now, to, cause)
	if !ok {
		return false
	}
	d.move(now, r, t)
	if t.From == synretry.ExternallyFailed {
		d.anew = append(d.anew, r)
		d.targetsChanged = true
	}
	return true
}
