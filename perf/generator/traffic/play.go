package traffic

import (
	"fmt"
	"time"

	"linedirector/lcore/packet"
	"linedirector/perf/histogram"
)

// Phase is what goes on.
type Phase uint8

const (
	Resolving Phase = iota // asking for the next hop
	Probing                // waiting until frames come through, one by one
	Opening                // each flow once
	WarmingUp
	Measuring
	Draining // waiting for late frames, or for connections to end
	Closing  // cutting what is open
	Done
)

var phases = [...]string{"resolving", "probing", "opening", "warming up", "measuring", "draining", "closing", "done"}

// String is the phase in words.
func (p Phase) String() string { return phases[p] }

// Out takes the clients' frames, towards the director.
type Out interface {
	// Next is where the next frame can be written, at least MaxFrame bytes; nil: there is no room now.
	Next() []byte
	// Done says how long the frame is that was written there.
	Done(length int)
}

// endpoint is a virtual's.
type endpoint struct {
	address uint32
	port    uint16
}

// Player plays clients and servers. One goroutine at a time.
type Player struct {
	Config
	Counters

	endpoints              endpoints
	virtuals               []endpoint
	answer                 []uint32
	clientNet, clientMask  uint32
	serverNet, serverMask  uint32
	templates              []*template // by share of the mix
	bare                   *template   // TCP without data
	shares                 []uint16    // a round of the mix
	share                  int         // the next
	picker                 *picker
	there, back            track // requests at the servers, answers at the clients
	flowSeen               []uint64
	isOpen                 []uint64 // flows of mode TCP
	churn                  churn
	phase                  Phase
	err                    error
	seq                    uint64 // of the next stamp
	cursor, passes, missed uint32 // of opening and closing
	pacer                  pacer
	began                  uint64 // the first time that there was
	entered                uint64 // the phase
	measured               uint64 // how long the time was that counts
	atEnd                  Mark
	asked                  uint64 // the last question: for the next hop, by a probe, by the last SYN of a pass
	probe                  probe
	ticked                 uint32 // the last millisecond
	started                bool
}

// NewPlayer checks c and makes a Player, which allocates all that it ever needs: 32 bytes a flow in mode Churn,
// a quarter byte else.
func NewPlayer(c Config) (*Player, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	p := &Player{
		Config: c, endpoints: newEndpoints(c.Clients), shares: c.Mix.order(),
		picker: newPicker(c.Flows, c.Skew, c.Seed), flowSeen: make([]uint64, (c.Flows+63)/64), seq: 1,
	}
	p.clientNet, p.clientMask = network(c.Clients)
	p.serverNet, p.serverMask = network(c.Servers)
	for _, v := range c.Virtuals {
		p.virtuals = append(p.virtuals, endpoint{word(v.Addr()), v.Port()})
	}
	for _, a := range c.Answer {
		p.answer = append(p.answer, word(a))
	}
	follow := min(c.Flows, c.FollowFlow)
	p.there.last, p.back.last = make([]uint64, follow), make([]uint64, follow)
	switch c.Mode {
	case Churn:
		p.churn.init(c.Flows, p.endpoints.space(), uint32(c.Interval.Milliseconds()), uint32(c.Timeout.Milliseconds()))
	case TCP:
		p.isOpen = make([]uint64, (c.Flows+63)/64)
	}
	if c.Hop != [6]byte{} {
		p.setHop(c.Hop)
	}
	return p, nil
}

// setHop makes the templates.
func (p *Player) setHop(hop [6]byte) {
	p.Hop = hop
	protocol, from := uint8(packet.ProtocolTCP), p.MAC[ClientSide]
	if p.Mode == UDP {
		protocol = packet.ProtocolUDP
	}
	p.templates = p.templates[:0]
	for _, s := range p.Mix {
		p.templates = append(p.templates, newTemplate(protocol, max(s.Bytes, Shortest(p.Mode)), true, from, hop))
	}
	p.bare = newTemplate(packet.ProtocolTCP, MinFrame, false, from, hop)
}

// Err is why it came to Done before its time.
func (p *Player) Err() error { return p.err }

// There is what arrived at the servers of the clients' requests, and their latency in cycles.
func (p *Player) There() (Arrivals, *histogram.Histogram) { return p.there.Arrivals, &p.there.latency }

// Back is what arrived at the clients of the servers' answers, and the time from request to answer in cycles.
func (p *Player) Back() (Arrivals, *histogram.Histogram) { return p.back.Arrivals, &p.back.latency }

// Times are those of connections, in cycles: from the first SYN to its answer, and to the last FIN.
func (p *Player) Times() (connect, complete *histogram.Histogram) {
	return &p.churn.connect, &p.churn.complete
}

// Mark is what was counted up to a moment.
type Mark struct {
	Counters
	There, Back Arrivals
}

// Measured is how long the time was that counts, in cycles, and what was counted by its end; what is late comes on top of it
// in Counters, There and Back.
func (p *Player) Measured() (cycles uint64, atEnd Mark) { return p.measured, p.atEnd }

// cycles is a duration in cycles.
func (p *Player) cycles(d time.Duration) uint64 {
	return uint64(d.Seconds() * float64(p.Hz))
}

func (p *Player) millisecond(now uint64) uint32 { return uint32((now - p.began) * 1000 / p.Hz) }

// Stop ends the traffic before its time, as if it were over.
func (p *Player) Stop(now uint64) {
	switch p.phase {
	case Resolving:
		p.enter(Done, now)
	case Probing, Opening, WarmingUp, Measuring:
		if p.phase != Measuring {
			p.startMeasuring(now)
		}
		p.stopMeasuring(now)
	}
}

// Play sends what is due, most frames or connections of its own at a time. It is called again and again.
func (p *Player) Play(now uint64, most int, out Out) Phase {
	if !p.started {
		p.started, p.began = true, now
		p.asked = now - p.cycles(time.Second)
		p.enter(Resolving, now)
	}
	if ms := p.millisecond(now); ms != p.ticked {
		p.ticked = ms
		if p.Mode == Churn && p.phase > Resolving && p.phase < Done {
			p.churn.tick(p, now, out)
		}
		p.advance(now)
	}
	switch p.phase {
	case Resolving:
		p.resolve(now, out)
	case Probing:
		p.try(now, out)
	case Opening:
		p.pacer.took(p.open(now, p.pacer.due(now, most), out))
	case WarmingUp, Measuring:
		p.send(now, p.pacer.due(now, most), out)
	case Closing:
		p.pacer.took(p.close(now, p.pacer.due(now, most), out))
	}
	p.Counters.Phase = p.phase
	return p.phase
}

// enter begins a phase.
func (p *Player) enter(phase Phase, now uint64) {
	p.phase, p.entered, p.cursor = phase, now, 0
	switch phase {
	case Opening, Closing:
		p.pacer.start(p.Hz, p.OpenRate, now)
	case WarmingUp, Measuring:
		p.pacer.start(p.Hz, p.Rate, now)
	}
}

// advance looks, each millisecond, whether a phase is over.
func (p *Player) advance(now uint64) {
	in := now - p.entered
	switch p.phase {
	case WarmingUp:
		if in >= p.cycles(p.WarmUp) {
			p.startMeasuring(now)
		}
	case Measuring:
		if in >= p.cycles(p.Duration) {
			p.stopMeasuring(now)
		}
	case Draining:
		p.drain(now)
	}
}

// resolve asks for the next hop twice a second.
func (p *Player) resolve(now uint64, out Out) {
	switch {
	case p.templates != nil && !p.Blind:
		p.enter(Probing, now)
	case p.templates != nil:
		p.probed(now)
	case now-p.began > p.cycles(max(p.Timeout, time.Second)):
		p.err = fmt.Errorf("nobody answered the ARP request for the next hop %v on the clients' device; is the director up, "+
			"and on this link? Else give --next-hop MAC", p.HopAddr)
		p.enter(Done, now)
	case now-p.asked > p.cycles(time.Second/2):
		if b := out.Next(); b != nil {
			p.asked = now
			out.Done(p.question(b))
		}
	}
}

// probe is the state of Probing.
type probe struct {
	waits  bool
	streak int    // answers since the last failure
	before uint64 // answers before the last probe
}

// enough is how many probes must be answered one after the other, and wait how long each of them is waited for.
const (
	enough = 8
	wait   = 200 * time.Millisecond
)

// answers is how many probes were answered.
func (p *Player) answers() uint64 {
	switch {
	case p.Mode == TCP:
		return p.Open
	case p.Mode == Churn:
		return p.Completed
	case p.Echo:
		return p.back.Received
	}
	return p.there.Received
}

// try sends a probe and waits for it, until enough came through: the director's neighbours are known to it then.
func (p *Player) try(now uint64, out Out) {
	b := &p.probe
	switch n := p.answers(); {
	case b.waits && n > b.before:
		b.waits = false
		b.streak++
	case b.waits && now-p.asked > p.cycles(wait) && (p.Mode != Churn || p.Open == 0):
		b.waits = false
		b.streak = 0
	case b.waits:
	case b.streak >= min(enough, p.Flows):
		p.probed(now)
		return
	default:
		p.asked, b.before = now, n
		b.waits = p.sendProbe(now, out)
	}
	if now-p.entered <= p.cycles(p.Timeout) {
		return
	}
	p.err = fmt.Errorf("nothing that the clients send comes to the servers %v: has the director a virtual %v, and reals among them that it takes "+
		"for alive?", p.Servers, p.Virtuals[0])
	if p.Served > 0 {
		p.err = fmt.Errorf("the servers answer, but the clients get none of it: has the director a route to %v here, and is its next hop among "+
			"--answer?", p.Clients)
	}
	p.enter(Closing, now)
}

// sendProbe begins what is one probe and tells whether there was room.
func (p *Player) sendProbe(now uint64, out Out) bool {
	switch p.Mode {
	case UDP:
		return p.write(uint32(p.probe.streak), now, out)
	case Churn:
		return p.churn.open(p, now, out)
	}
	number := uint32(0)
	for p.isOpen[number/64]&(1<<(number%64)) != 0 { // it is one of the first few
		number++
	}
	return p.control(number, 0, packet.SYN, out)
}

// probed begins what comes after Probing.
func (p *Player) probed(now uint64) {
	if p.Mode == Churn || p.OpenRate == 0 && p.Mode == UDP {
		p.warmUp(now)
	} else {
		p.enter(Opening, now)
	}
}

// flow is the endpoints of client number and of the virtual that a flow asks for.
func (p *Player) flow(client, number uint32) flow {
	var f flow
	f.src, f.srcPort = p.endpoints.at(client)
	v := &p.virtuals[0]
	if n := uint32(len(p.virtuals)); n > 1 {
		v = &p.virtuals[number%n]
	}
	f.dst, f.dstPort = v.address, v.port
	return f
}

// stamp is that of the next frame with data.
func (p *Player) stamp(flow uint32, now uint64, t *template) stamp {
	s := stamp{flow: flow, seq: p.seq, at: now, run: p.Run, kind: request}
	p.seq++
	p.Sent++
	p.Frames++
	p.SentBytes += uint64(len(t.bytes))
	return s
}

// nextShare is the frame length that is next.
func (p *Player) nextShare() uint16 {
	s := p.shares[p.share]
	if p.share++; p.share == len(p.shares) {
		p.share = 0
	}
	return s
}

// write sends a frame with data over a flow and tells whether there was room.
func (p *Player) write(number uint32, now uint64, out Out) bool {
	b := out.Next()
	if b == nil {
		return false
	}
	f := p.flow(number, number)
	t := p.templates[p.nextShare()]
	s := p.stamp(number, now, t)
	if p.Mode == UDP {
		out.Done(t.datagram(b, &f, &s))
	} else {
		seq := isn(number, 0, p.Seed)
		out.Done(t.segment(b, &f, seq+1, serverISN(seq)+1, packet.PSH|packet.ACK, &s))
	}
	return true
}

// send sends so many frames, or opens so many connections, as far as there is room.
func (p *Player) send(now uint64, due int, out Out) {
	n := 0
	if p.Mode == Churn {
		for n < due && p.churn.open(p, now, out) {
			n++
		}
	} else {
		for n < due && p.write(p.picker.pick(), now, out) {
			n++
		}
	}
	p.pacer.took(n)
	p.Behind = p.pacer.behind
}

// glance is how many flows are looked at at a time, so that frames do not wait while most need nothing.
const glance = 4096

// passes is how often at most a SYN is sent for a flow that is opened beforehand, and patience how long the last one is
// waited for.
const (
	passes   = 5
	patience = 500 * time.Millisecond
)

// open opens so many flows: by their first datagram, or by a SYN for each that is not open yet.
func (p *Player) open(now uint64, due int, out Out) (n int) {
	flows := uint32(p.Flows)
	if p.cursor == flows {
		switch {
		case p.Mode == UDP || p.missed == 0 || p.passes == passes:
			p.Unopened = uint64(flows) - p.Open
			if p.Mode == UDP {
				p.Unopened = 0
			}
			p.warmUp(now)
		case now-p.asked > p.cycles(patience):
			p.cursor, p.missed = 0, 0
			p.passes++
		}
		return 0
	}
	for end := min(flows, p.cursor+glance); n < due && p.cursor < end; {
		if p.Mode == UDP {
			if !p.write(p.cursor, now, out) {
				return n
			}
			n++
		} else if p.isOpen[p.cursor/64]&(1<<(p.cursor%64)) == 0 {
			if !p.control(p.cursor, 0, packet.SYN, out) {
				return n
			}
			p.missed++
			p.asked = now
			n++
		}
		p.cursor++
	}
	return n
}

// control sends a segment without data over a flow of mode TCP and tells whether there was room.
func (p *Player) control(number, ack uint32, flags uint8, out Out) bool {
	b := out.Next()
	if b == nil {
		return false
	}
	f := p.flow(number, number)
	seq := isn(number, 0, p.Seed)
	if flags&packet.SYN == 0 {
		seq++
	}
	out.Done(p.bare.segment(b, &f, seq, ack, flags, nil))
	p.Frames++
	return true
}

// opened answers the SYN-ACK of a flow of mode TCP.
func (p *Player) opened(frame []byte, m *packet.Meta) int {
	number, ok := p.endpoints.number(m.Dst, m.DstPort)
	tcp := (*packet.TCP)(frame[m.L4:])
	if !ok || number >= uint32(p.Flows) || tcp.Ack() != isn(number, 0, p.Seed)+1 {
		p.Misdelivered++
		return 0
	}
	if bit := uint64(1) << (number % 64); p.isOpen[number/64]&bit == 0 {
		p.isOpen[number/64] |= bit
		p.Open++
	}
	return reply(frame, m, tcp.Ack(), tcp.Seq()+1, packet.ACK, nil)
}

func (p *Player) warmUp(now uint64) {
	if p.enter(WarmingUp, now); p.WarmUp == 0 {
		p.startMeasuring(now)
	}
}

// startMeasuring forgets what was counted.
func (p *Player) startMeasuring(now uint64) {
	kept := p.Counters
	p.Counters = Counters{
		FlowsSeen: kept.FlowsSeen, Open: kept.Open, Unopened: kept.Unopened, Served: kept.Served, ARPAnswered: kept.ARPAnswered, Pinged: kept.Pinged,
	}
	p.MostOpen = kept.Open
	p.there.start(p.seq)
	p.back.start(p.seq)
	p.churn.connect.Reset()
	p.churn.complete.Reset()
	p.enter(Measuring, now)
}

func (p *Player) stopMeasuring(now uint64) {
	p.measured = now - p.entered
	p.atEnd = Mark{p.Counters, p.there.Arrivals, p.back.Arrivals}
	p.enter(Draining, now)
}

// drain waits for late frames, then for connections.
func (p *Player) drain(now uint64) {
	in := now - p.entered
	switch p.Mode {
	case Churn:
		if p.Open == 0 || in > p.cycles(p.Timeout+p.Interval) {
			p.enter(Closing, now)
		}
	default:
		expect := p.Sent
		if p.there.Received >= expect && (!p.Echo || p.back.Received >= expect) || in > p.cycles(p.Grace) {
			p.enter(Closing, now)
		}
	}
}

// close cuts so many connections that are open yet, and comes to Done behind the last.
func (p *Player) close(now uint64, due int, out Out) (n int) {
	if p.Mode == UDP || p.cursor == uint32(p.Flows) {
		p.enter(Done, now)
		return 0
	}
	for end := min(uint32(p.Flows), p.cursor+glance); n < due && p.cursor < end; {
		switch {
		case p.Mode == Churn:
			if p.churn.slots[p.cursor].state != idle {
				p.churn.cut(p, p.cursor, out)
				p.Cut++
				n++
			}
		case p.isOpen[p.cursor/64]&(1<<(p.cursor%64)) != 0:
			ack := serverISN(isn(p.cursor, 0, p.Seed)) + 1
			if !p.control(p.cursor, ack, packet.RST|packet.ACK, out) {
				return n
			}
			p.isOpen[p.cursor/64] &^= 1 << (p.cursor % 64)
			p.Open--
			n++
		}
		p.cursor++
	}
	return n
}
