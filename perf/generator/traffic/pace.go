package traffic

// pacer says when something is due, so many times a second.
type pacer struct {
	began   uint64 // cycles
	period  uint64 // cycles between two, with 16 bits behind the point; 0: always
	next    uint64 // when the next is due since it began, likewise
	backlog uint64 // most that can be due at once: what a stall held up longer is not made good
	behind  uint64 // what was not
}

func (c *pacer) start(hz, rate, now uint64) {
	*c = pacer{began: now, backlog: max(rate/1000, 128)}
	if rate > 0 {
		c.period = max(hz<<16/rate, 1)
	}
}

// due is how many are due now, at most most.
func (c *pacer) due(now uint64, most int) int {
	if c.period == 0 {
		return most
	}
	passed := (now - c.began) << 16
	if passed < c.next {
		return 0
	}
	n := (passed-c.next)/c.period + 1
	if n > c.backlog {
		c.behind += n - c.backlog
		c.next += (n - c.backlog) * c.period
		n = c.backlog
	}
	return int(min(n, uint64(most)))
}

// took says that so many were done.
func (c *pacer) took(n int) { c.next += uint64(n) * c.period }
