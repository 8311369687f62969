package control

import "time"

// pacer says how often control looks at what workers raise, ask and hold. Where several must know of one another's load, that is
// each millisecond. One worker it watches each 2 ms, which a client that waits for its next SYN does not notice, and each 10 ms
// while nothing happens: an idle director is woken 100 times a second, and under load control takes that much less from who else
// is on its CPU.
type pacer struct {
	pace, quick, slow time.Duration
	idle              int // looks since anything was raised or asked
}

// patientLooks is after how many that found nothing the next come slowly.
const patientLooks = 50

func newPacer(workers int) pacer {
	p := pacer{quick: 2 * time.Millisecond, slow: 10 * time.Millisecond}
	if workers > 1 {
		p.quick, p.slow = time.Millisecond, time.Millisecond
	}
	p.pace = p.quick
	return p
}

// looked is told whether a look found something, and tells whether the pace has changed.
func (p *pacer) looked(found bool) bool {
	was := p.pace
	if p.idle++; found {
		p.idle = 0
	}
	if p.pace = p.quick; p.idle >= patientLooks {
		p.pace = p.slow
	}
	return p.pace != was
}
