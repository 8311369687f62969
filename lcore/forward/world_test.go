package forward

import (
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// The world of these tests: clients on port 0, reals on port 1, every next hop known.
//
//	clients ── 192.0.2.0/24 ── port 0 [director] port 1 ── 10.0.0.0/24 ── reals
//	0.0.0.0/0 via 192.0.2.254   .1                .1          .11, .12, .13
const (
	outside, inside = 0, 1
	web             = 0xc000020a // 192.0.2.10, TCP 80 and UDP 53
	firstReal       = 0x0a00000b // 10.0.0.11
	second          = 1000       // ticks
)

// slots are more than enough.
var slots = ruleset.Slots{Bindings: 100, Reals: 100, Virtuals: 100}

var (
	outsideMAC = [6]byte{2, 0, 0, 0, 0, 1}
	insideMAC  = [6]byte{2, 0, 0, 0, 0, 2}
	gatewayMAC = [6]byte{2, 0, 0, 0, 0, 0xfe}
	realMAC    = [6]byte{2, 0, 0, 0, 1, 0}
)

// world is one worker's packet path and everything it reads and writes.
type world struct {
	*Worker
	source ruleset.Source
	table  *flowtable.Table
	hops   *ruleset.Hops
	counts *ruleset.Counts
	stats  *Stats
	wants  *Wants
	time   uint32
	filled [10]uint32 // connections without flows, by real
}

// newWorld has three reals of weight 1 behind the virtuals 192.0.2.10:80/tcp (slot 1) and :53/udp (slot 2).
// mem is the shard's memory; nil takes the heap's.
func newWorld(tb testing.TB, flows int, mem []byte) *world {
	tb.Helper()
	if mem == nil {
		mem = flowtable.Heap(flowtable.Size(flows))
	}
	table, err := flowtable.New(mem, flows, [3]uint64{1, 2, 3})
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{
		table: table, hops: ruleset.NewHops(nil), counts: ruleset.NewCounts(nil, slots, ruleset.NewShared(nil, slots.Reals)),
		stats: &Stats{}, wants: &Wants{}, time: 1_000_000,
	}
	c := Config{
		Steering: NewSteering(1), Table: table, Hops: w.hops, Counts: w.counts, Stats: w.stats, Wants: w.wants,
		Spares: make([]Frame, 4), TicksPerSecond: second, Start: w.time - 10*second, Silence: 3 * second, Sweep: 2 * second, AnswerRate: 1000,
	}
	for kind := range c.PuntRate {
		c.PuntRate[kind] = 1000
	}
	for i := range c.Spares {
		c.Spares[i].SetBytes(make([]byte, 0, packet.AnswerRoom))
	}
	w.Worker = New(c)
	w.hops.Set(1, uint64(packet.MACFrom(gatewayMAC)), uint64(packet.MACFrom(outsideMAC)), outside)
	w.source = ruleset.Source{
		Generation: 1, RouteGeneration: 1,
		Local: []uint32{0xc0000201, 0x0a000001},
		Routes: []ruleset.Route{
			{Prefix: 0, Bits: 0, Hop: 1},
			{Prefix: 0xc0000200, Bits: 24, Port: outside},
			{Prefix: 0x0a000000, Bits: 24, Port: inside},
		},
		Reals: map[uint16]ruleset.Real{},
	}
	w.source.Ports[outside] = ruleset.Port{MAC: uint64(packet.MACFrom(outsideMAC)), Address: 0xc0000201}
	w.source.Ports[inside] = ruleset.Port{MAC: uint64(packet.MACFrom(insideMAC)), Address: 0x0a000001}
	timers := ruleset.Timers{HalfOpen: 30 * second, Idle: 3600 * second, CloseDelay: 10 * second, UDPIdle: 60 * second}
	virtuals := []ruleset.VirtualSource{
		{Slot: 1, Address: web, Port: 80, Protocol: packet.ProtocolTCP, Predictor: ruleset.RoundRobin, Reset: true, Refuse: true, Timers: timers},
		{Slot: 2, Address: web, Port: 53, Protocol: packet.ProtocolUDP, Predictor: ruleset.RoundRobin, Timers: timers},
	}
	for i := range uint16(3) {
		slot := i + 1
		w.source.Reals[slot] = ruleset.Real{Address: firstReal + uint32(i), Port: 8080}
		mac := realMAC
		mac[5] = byte(slot)
		w.hops.Set(1+slot, uint64(packet.MACFrom(mac)), uint64(packet.MACFrom(insideMAC)), inside)
		w.hops.SetNeighbour(inside, firstReal+uint32(i), 1+slot)
		for v := range virtuals {
			virtuals[v].Members = append(virtuals[v].Members, ruleset.Member{Binding: uint32(10*v) + uint32(slot), Real: slot, Weight: 1})
		}
	}
	w.source.Virtuals = virtuals
	w.apply()
	return w
}

// apply makes what source says the rules.
func (w *world) apply() {
	w.source.Generation++
	w.Use(ruleset.Build(&w.source))
}
