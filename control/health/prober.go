package health

import (
	"sync"
	"time"

	"go.uber.org/zap"
)

// Prober probes targets until it is closed. Its methods may be called from any goroutine.
type Prober struct {
	log    *zap.Logger
	report func(Change)
	began  time.Time
	make   func(*Target) (checker, error)
	pings  [2]pinger // IPv4, IPv6

	done  chan struct{}
	wake  chan struct{} // to schedule: something is due earlier than it thinks
	fresh chan struct{} // to deliver: there are changes
	ended sync.WaitGroup

	setting sync.Mutex // one Set at a time

	mu      sync.Mutex // guards what follows, and the targets' state
	closed  bool
	targets []*target
	queue   queue
	next    time.Duration // when schedule looks again
	workers int
	idle    []*worker // the one that worked last is the last one
	changes []Change  // to be reported
	warned  [warnings]time.Duration
}

// target is a Target with what was found out about it.
type target struct {
	Target
	checker checker
	gone    gone

	// Guarded by Prober.mu.
	due     time.Duration
	place   int // in the queue
	running *worker
	state
}

// New begins to probe nothing; Set says what. It calls report for each change, from one goroutine, so that changes come
// one by one and in order; a slow report delays other reports, no probe.
func New(log *zap.Logger, report func(Change)) *Prober {
	p := newProber(log, report)
	p.make = p.checker
	return p
}

func newProber(log *zap.Logger, report func(Change)) *Prober {
	p := &Prober{
		log: log, report: report, began: time.Now(),
		done: make(chan struct{}), wake: make(chan struct{}, 1), fresh: make(chan struct{}, 1),
		next: never,
	}
	for i := range p.pings {
		p.pings[i].v6 = i == 1
	}
	p.ended.Go(p.schedule)
	p.ended.Go(p.deliver)
	return p
}

// Set is told all targets, every time. One that is in the old set, too, keeps its state, its counts and its turn. A new
// or changed one counts as up, or down if it says so: a caller that holds the real down for what an older target reported
// either says so, or lets go of it itself, since no change is reported until there is one. One that is gone is not probed
// any more, and a probe of it that is under way is broken off. A real may have several targets; each reports for itself.
//
// The first probe comes at random within the interval, but within the first second, so that a dead real is soon found and
// many new ones do not come at once. The second one comes at random within the interval after it, which spreads long
// intervals, too.
func (p *Prober) Set(targets []Target) {
	p.setting.Lock()
	defer p.setting.Unlock()
	p.mu.Lock()
	before := p.targets
	p.mu.Unlock()
	old := make(map[string][]*target, len(before))
	for _, t := range before {
		old[t.Real] = append(old[t.Real], t)
	}
	set := make([]*target, len(targets))
	for i := range targets {
		if set[i] = take(old, &targets[i]); set[i] == nil {
			set[i] = p.adopt(targets[i])
		}
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for _, left := range old {
		for _, t := range left {
			p.drop(t)
		}
	}
	p.targets = set
	now := p.now()
	for _, t := range set {
		if t.fresh() {
			t.due = now + t.first()
			p.enqueue(t)
		}
	}
	p.rouse()
}

// take removes from old a target that is probed as t asks for, and returns it; or nil.
func take(old map[string][]*target, t *Target) *target {
	same := old[t.Real]
	for i, o := range same {
		if o.same(t) {
			old[t.Real] = append(same[:i], same[i+1:]...)
			return o
		}
	}
	return nil
}

func (p *Prober) adopt(t Target) *target {
	n := &target{Target: t, place: nowhere, state: state{up: !t.Down}}
	checker, err := p.make(&n.Target)
	if err != nil {
		checker = broken{err}
	}
	n.checker = checker
	return n
}

// drop ends a target. The caller holds the lock.
func (p *Prober) drop(t *target) {
	t.gone.set()
	p.dequeue(t)
	if t.running != nil {
		t.running.turn.abort()
	}
}

// Status is what is known of a target.
type Status struct {
	Target   Target
	Up       bool
	Cause    string        // of the last probe's failure; "" after a success, or before the first
	Ours     bool          // the last probe said nothing about the real: it could not be sent, for this Cause
	At       time.Time     // when the last probe ended; zero before the first
	Took     time.Duration // the last probe
	Row      int           // results alike in a row, successes or failures
	OK       bool          // whether these were successes
	Probes   uint64        // all that said something about the real
	Failures uint64        // of these
}

// Status is all targets' status, in the order of the last Set.
func (p *Prober) Status() []Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Status, len(p.targets))
	for i, t := range p.targets {
		all[i] = p.status(t)
	}
	return all
}

// Close breaks off all probes and returns when none runs and no change is being reported: hold no lock that report
// takes, and do not call it from there. What was not reported by then is not reported any more.
func (p *Prober) Close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
		for _, t := range p.targets {
			p.drop(t)
		}
		for _, w := range p.idle {
			close(w.jobs)
		}
		p.targets, p.idle = nil, nil
	}
	p.mu.Unlock()
	p.ended.Wait()
	for i := range p.pings {
		p.pings[i].close()
	}
}

func (p *Prober) now() time.Duration { return time.Since(p.began) }
