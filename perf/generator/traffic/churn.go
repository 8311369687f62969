package traffic

import (
	"linedirector/lcore/packet"
	"linedirector/perf/histogram"
)

// A connection, as its client sees it: 8 frames, and 2 more for each further request.
//
//	idle ── SYN ─→ opening ── SYN-ACK came: ACK, request ─→ asking ── answer came: FIN ─→ closing ── FIN came: ACK ─→ idle
//	                                                         ↑    │
//	                                                         └────┘ answer came: next request
//
// What is not answered is sent again, until the time is over; then a RST tells the director. Idle slots wait in line, so
// that the longest idle one is used next, each time with another client endpoint, as long as there are some.
const (
	idle = iota
	opening
	asking
	closing
)

// slot is a connection's state, 32 bytes.
type slot struct {
	began    uint64 // when its first SYN was sent
	seq, ack uint32 // next to be sent, and expected
	turn     uint32 // how many connections it had before
	again    uint32 // millisecond in which to send again
	until    uint32 // millisecond in which it fails
	state    uint8
	left     uint8 // requests to be sent yet
	share    uint16
}

// churn is all connections of mode Churn.
type churn struct {
	slots []slot
	free  []uint32 // idle slots, in a circle
	head  uint32   // of the circle
	idle  uint32   // how many are in it
	turns uint32   // endpoints that a slot has
	scan  uint32   // the next slot whose time is looked at

	connect  histogram.Histogram // cycles from the first SYN to its answer
	complete histogram.Histogram // cycles from the first SYN to the last FIN
	interval uint32              // milliseconds
	timeout  uint32
}

func (c *churn) init(flows int, space uint64, interval, timeout uint32) {
	c.slots = make([]slot, flows)
	c.free = make([]uint32, flows)
	for i := range c.free {
		c.free[i] = uint32(i)
	}
	c.idle = uint32(flows)
	c.turns = uint32(space / uint64(flows))
	c.interval, c.timeout = max(interval, 1), max(timeout, 1)
}

// open opens one more connection and tells whether it could: there must be an idle slot and room in out.
func (c *churn) open(p *Player, now uint64, out Out) bool {
	if c.idle == 0 {
		return false
	}
	b := out.Next()
	if b == nil {
		return false
	}
	number := c.free[c.head]
	if c.head++; c.head == uint32(len(c.free)) {
		c.head = 0
	}
	c.idle--
	s := &c.slots[number]
	ms := p.millisecond(now)
	*s = slot{
		began: now, turn: s.turn + 1, again: ms + c.interval, until: ms + c.timeout,
		state: opening, left: uint8(p.Requests), share: s.share,
	}
	s.seq = isn(number, s.turn, p.Seed)
	p.Opened++
	p.Open++
	p.MostOpen = max(p.MostOpen, p.Open)
	c.write(p, number, b, packet.SYN, out)
	return true
}

// isn is a connection's first sequence number.
func isn(number, turn uint32, seed uint64) uint32 {
	x := (uint64(turn)<<32 | uint64(number)) ^ seed
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9 // splitmix64's finalizer
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return uint32(x >> 31)
}

// client is the number of the endpoint that a slot uses.
func (c *churn) client(number uint32) uint32 {
	return number + c.slots[number].turn%c.turns*uint32(len(c.slots))
}

// write writes a segment without data.
func (c *churn) write(p *Player, number uint32, b []byte, flags uint8, out Out) {
	s := &c.slots[number]
	f := p.flow(c.client(number), number)
	out.Done(p.bare.segment(b, &f, s.seq, s.ack, flags, nil))
	p.Frames++
}

// segment sends one without data; where there is no room, the repetition makes up for it.
func (c *churn) segment(p *Player, number uint32, flags uint8, out Out) {
	if b := out.Next(); b != nil {
		c.write(p, number, b, flags, out)
	}
}

// ask sends the request that is next, or the same again.
func (c *churn) ask(p *Player, number uint32, now uint64, out Out) {
	b := out.Next()
	if b == nil {
		return
	}
	s := &c.slots[number]
	f := p.flow(c.client(number), number)
	t := p.templates[s.share]
	st := p.stamp(number, now, t)
	out.Done(t.segment(b, &f, s.seq, s.ack, packet.PSH|packet.ACK, &st))
}

// receive takes a segment to a client.
func (c *churn) receive(p *Player, frame []byte, m *packet.Meta, now uint64, out Out) {
	client, ok := p.endpoints.number(m.Dst, m.DstPort)
	number := client % uint32(len(c.slots))
	if !ok || c.slots[number].state == idle || c.client(number) != client {
		p.Stale++
		return
	}
	s := &c.slots[number]
	tcp := (*packet.TCP)(frame[m.L4:])
	data := p.data(frame, m)
	sentData := uint32(0)
	if s.state == asking {
		sentData = p.templates[s.share].payload()
	}
	ms := p.millisecond(now)
	switch flags := m.TCPFlags; {
	case flags&packet.RST != 0:
		p.Resets++
		p.Reset++
		c.end(p, number)
	case s.state == opening && flags&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK && tcp.Ack() == s.seq+1:
		p.Connected++
		c.connect.Record(now - s.began)
		s.seq, s.ack, s.state, s.again = s.seq+1, tcp.Seq()+1, asking, ms+c.interval
		s.share = p.nextShare()
		c.segment(p, number, packet.ACK, out)
		c.ask(p, number, now, out)
	case s.state == asking && len(data) > 0 && tcp.Seq() == s.ack && tcp.Ack() == s.seq+sentData:
		if !p.answered(data, m, now) {
			return
		}
		s.seq, s.ack, s.again = tcp.Ack(), s.ack+uint32(len(data)), ms+c.interval
		if s.left--; s.left > 0 {
			s.share = p.nextShare()
			c.ask(p, number, now, out)
			return
		}
		s.state = closing
		c.segment(p, number, packet.FIN|packet.ACK, out)
	case s.state == closing && flags&packet.FIN != 0 && tcp.Seq() == s.ack && tcp.Ack() == s.seq+1:
		s.seq, s.ack = s.seq+1, s.ack+1
		c.segment(p, number, packet.ACK, out)
		p.Completed++
		c.complete.Record(now - s.began)
		c.end(p, number)
	default:
		p.Stale++
	}
}

// end makes a slot idle.
func (c *churn) end(p *Player, number uint32) {
	c.slots[number].state = idle
	tail := uint64(c.head) + uint64(c.idle)
	c.free[tail%uint64(len(c.free))] = number
	c.idle++
	p.Open--
}

// looks is how many milliseconds go by until every slot's time was looked at.
const looks = 128

// tick sends again what was not answered, and gives up what was not for too long. It is called each millisecond.
func (c *churn) tick(p *Player, now uint64, out Out) {
	ms := p.millisecond(now)
	for range len(c.slots)/looks + 1 {
		number := c.scan
		if c.scan++; c.scan == uint32(len(c.slots)) {
			c.scan = 0
		}
		s := &c.slots[number]
		switch {
		case s.state == idle:
		case int32(ms-s.until) >= 0:
			p.TimedOut++
			if s.state == opening {
				p.Unanswered++
			}
			c.cut(p, number, out)
		case int32(ms-s.again) >= 0:
			s.again = ms + c.interval
			p.Repeated++
			switch s.state {
			case opening:
				c.segment(p, number, packet.SYN, out)
			case asking:
				c.ask(p, number, now, out)
			case closing:
				c.segment(p, number, packet.FIN|packet.ACK, out)
			}
		}
	}
}

// cut ends a connection with a RST.
func (c *churn) cut(p *Player, number uint32, out Out) {
	s := &c.slots[number]
	if s.state == opening {
		s.seq++ // behind the SYN
	}
	c.segment(p, number, packet.RST|packet.ACK, out)
	c.end(p, number)
}
