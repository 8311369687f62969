package health

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"
)

const (
	// grain is how precisely probes start: those that are due in the same one start together, since it is the going to
	// sleep and waking up of threads that makes a probe dear (docs/design/0006-probes.md).
	grain = 20 * time.Millisecond

	// atOnce bounds the probes that run at a time, and with them descriptors and memory. Only reals that do not answer
	// keep a probe long; with fewer of these than this, no probe comes late.
	atOnce = 2048

	// leisure is how long a goroutine of the pool waits for work before it ends.
	leisure = 10 * time.Second

	never   = time.Duration(math.MaxInt64)
	nowhere = -1
)

// worker is a goroutine of the pool, with the memory that its probes use again and again.
type worker struct {
	jobs  chan *target
	turn  turn
	since time.Duration // idle since then
}

// schedule starts what is due, and sleeps until the next is.
func (p *Prober) schedule() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-p.wake:
		case <-timer.C:
		}
		if next := p.launch(); next == never {
			timer.Stop()
		} else {
			timer.Reset(next - p.now())
		}
	}
}

// launch starts what is due and returns when to look again.
func (p *Prober) launch() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return never
	}
	now := p.now()
	p.next = never
	for len(p.queue) > 0 {
		if due := p.queue[0].due; due > now {
			p.next = (due + grain - 1) / grain * grain
			break
		}
		w := p.worker()
		if w == nil {
			p.warn(warnLate, now, "probes start late: too many reals do not answer; shorten the probes' timeout",
				zap.Int("running", p.workers))
			break // whoever is through with a probe takes the next
		}
		w.jobs <- p.begin(w)
	}
	p.dismiss(now)
	return p.next
}

// worker is one that has nothing to do, a new one, or nil.
func (p *Prober) worker() *worker {
	if last := len(p.idle) - 1; last >= 0 {
		w := p.idle[last]
		p.idle = p.idle[:last]
		return w
	}
	if p.workers >= atOnce {
		return nil
	}
	p.workers++
	w := &worker{jobs: make(chan *target, 1)}
	p.ended.Go(func() { p.work(w) })
	return w
}

// dismiss ends workers that have been idle for long, as they are after many reals hung.
func (p *Prober) dismiss(now time.Duration) {
	n := 0
	for n < len(p.idle) && now-p.idle[n].since > leisure {
		close(p.idle[n].jobs)
		n++
	}
	if n > 0 {
		p.workers -= n
		p.idle = append(p.idle[:0], p.idle[n:]...)
	}
}

// begin takes the target that is due first for w.
func (p *Prober) begin(w *worker) *target {
	t := p.queue[0]
	p.dequeue(t)
	t.running = w
	w.turn.begin()
	return t
}

// work probes what it is handed, until it is dismissed.
func (p *Prober) work(w *worker) {
	w.turn.init()
	for t := range w.jobs {
		for t != nil {
			start := p.now()
			w.turn.limit(t.Spec.timeout())
			err := t.checker.check(&w.turn)
			w.turn.close()
			t = p.finish(w, t, start, err)
		}
	}
}

// finish notes a probe's result, and returns the target that w is to probe next, or nil.
func (p *Prober) finish(w *worker, t *target, start time.Duration, err error) *target {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	t.running = nil
	if !t.gone.is() {
		p.note(t, now, now-start, err)
		t.due = max(now, start+t.wait())
		p.enqueue(t)
	}
	if p.closed {
		close(w.jobs)
		return nil
	}
	if len(p.queue) > 0 && p.queue[0].due+grain <= now { // schedule found no worker
		return p.begin(w)
	}
	w.since = now
	p.idle = append(p.idle, w)
	p.rouse()
	return nil
}

// first is how long a target waits for its first probe.
func (t *target) first() time.Duration {
	return rand.N(min(t.Spec.interval(), time.Second))
}

// wait is from the start of a probe to the next one's.
func (t *target) wait() time.Duration {
	interval := t.Spec.interval()
	if !t.settled {
		t.settled = true
		return rand.N(interval)
	}
	jitter := min(max(t.Spec.Jitter, 0), 1)
	return interval + time.Duration((2*rand.Float64()-1)*jitter*float64(interval))
}

// enqueue has t probed when it is due.
func (p *Prober) enqueue(t *target) { heap.Push(&p.queue, t) }

// rouse wakes schedule if something is due earlier than it thinks.
func (p *Prober) rouse() {
	if len(p.queue) > 0 && p.queue[0].due <= p.next-grain {
		p.next = p.queue[0].due
		select {
		case p.wake <- struct{}{}:
		default:
		}
	}
}

func (p *Prober) dequeue(t *target) {
	if t.place != nowhere {
		heap.Remove(&p.queue, t.place)
	}
}

// queue is a heap by due time.
type queue []*target

func (q queue) Len() int           { return len(q) }
func (q queue) Less(i, j int) bool { return q[i].due < q[j].due }

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is container/heap's.
func (q *queue) Push(t any) {
	t.(*target).place = len(*q)
	*q = append(*q, t.(*target))
}

// Pop is container/heap's.
func (q *queue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last], *q = nil, (*q)[:last]
	t.place = nowhere
	return t
}
