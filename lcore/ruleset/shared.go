package ruleset

import (
	"sync/atomic"

	"linedirector/lcore/memory"
)

// Shared is what workers and control share of reals, by slot. It is touched when a connection opens, closes or is
// ditched, never per packet. Every word is atomic; any worker and control may call every method but those that say
// whose they are. None blocks or allocates.
type Shared struct {
	reals  []sharedReal
	raised atomic.Uint64 // signals ever raised
	lost   atomic.Uint64 // beat at which the director itself was last seen to lose a frame
}

// sharedReal is a cache line, so that no two reals' connections wait for one another.
type sharedReal struct {
	tickets atomic.Uint32 // connections that count on the real, over all workers
	ditched atomic.Uint32 // consecutive ditched ones (SPEC.md section 4)
	trial   atomic.Uint32
	signals atomic.Uint32
	_       [48]byte
}

// Signal is something that a worker saw and control must know of. Signals are bits that stay until control takes them:
// none is lost, and there is no queue that could be full.
type Signal uint32

const (
	ThresholdReached Signal = 1 << iota // so many consecutive connections were ditched
	TrialAnswered                       // the trial's SYN was answered
	TrialSilent                         // it was not, and its client was moved
	TrialRefused                        // a RST or ICMP unreachable answered it
	TrialVanished                       // its client did not go on
	ShowsLife                           // an established connection of a watched real had an answer
)

// The trial ticket's values.
const (
	noTrial = iota
	trialOpen
	trialTaken
)

// NewShared makes it for reals up to a slot in an area, whose memory must be zeroed: 64 bytes a real.
func NewShared(a *memory.Area, reals int) *Shared {
	s := memory.New[Shared](a)
	s.reals = memory.Make[sharedReal](a, reals+1)
	return s
}

// take counts a connection on a real, unless that would make it more than most; 0 is no limit. A take that fails may
// for a moment keep another from succeeding, never let one too many through.
func (s *Shared) take(real uint16, most uint32) bool {
	if n := s.reals[real].tickets.Add(1); most != 0 && n > most {
		s.giveBack(real)
		return false
	}
	return true
}

func (s *Shared) giveBack(real uint16) { s.reals[real].tickets.Add(^uint32(0)) }

// Connections is how many count on a real, over all workers, at this moment.
func (s *Shared) Connections(real uint16) uint32 { return s.reals[real].tickets.Load() }

// Ditched is how many consecutive connections the real has ditched.
func (s *Shared) Ditched(real uint16) uint32 { return s.reals[real].ditched.Load() }

// Ditch counts one more, and raises ThresholdReached from the threshold on; 0 is none. Worker only.
func (s *Shared) Ditch(real uint16, threshold uint32) {
	if n := s.reals[real].ditched.Add(1); threshold != 0 && n >= threshold {
		s.Raise(real, ThresholdReached)
	}
}

// Answered ends a run of ditched connections. It writes only if there is one.
func (s *Shared) Answered(real uint16) {
	if d := &s.reals[real].ditched; d.Load() != 0 {
		d.Store(0)
	}
}

// Lose notes that the director itself lost frames, in a queue or ring that was full: until the beat now. Worker only.
func (s *Shared) Lose(now uint64) { s.lost.Store(now) }

// LostSince tells whether the director itself has lost frames since a beat: then silence says nothing of a real.
func (s *Shared) LostSince(beat uint64) bool { return s.lost.Load() > beat }

// OpenTrial lets one connection be the real's trial. Control only.
func (s *Shared) OpenTrial(real uint16) { s.reals[real].trial.Store(trialOpen) }

// EndTrial takes the ticket back, whether or not it was taken. Control only.
func (s *Shared) EndTrial(real uint16) { s.reals[real].trial.Store(noTrial) }

// TakeTrial tells whether the caller's connection is the trial: of all that ask, one is. Worker only.
func (s *Shared) TakeTrial(real uint16) bool {
	t := &s.reals[real].trial
	return t.Load() == trialOpen && t.CompareAndSwap(trialOpen, trialTaken)
}

// ReturnTrial takes a TakeTrial back: the connection did not come about. Worker only.
func (s *Shared) ReturnTrial(real uint16) { s.reals[real].trial.CompareAndSwap(trialTaken, trialOpen) }

// Raise leaves a signal for control. Worker only.
func (s *Shared) Raise(real uint16, signal Signal) {
	if at := &s.reals[real].signals; Signal(at.Load())&signal == 0 {
		at.Or(uint32(signal))
		s.raised.Add(1)
	}
}

// Raised counts signals: control looks for them when it has changed.
func (s *Shared) Raised() uint64 { return s.raised.Load() }

// Signals takes the real's signals, for control, which looks at Raised before it looks at the reals.
func (s *Shared) Signals(real uint16) Signal {
	at := &s.reals[real].signals
	if at.Load() == 0 {
		return 0
	}
	return Signal(at.Swap(0))
}
