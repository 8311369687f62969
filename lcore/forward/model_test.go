package forward

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// TestInterleavings plays random packets, times and rule changes, and compares every count with a model's after
// each: none drifts, ever (SPEC.md section 5).
func TestInterleavings(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		for _, flows := range []int{1000, 3} {
			t.Run(fmt.Sprintf("workers=%d,flows=%d", workers, flows), func(t *testing.T) {
				var seen seen
				for seed := range uint64(36) {
					m := newModel(t, rand.New(rand.NewPCG(seed, uint64(flows))), workers, flows)
					if reals := int(seed % 3); reals > 0 { // virtuals want one another's tuples
						m.share(reals)
					}
					m.run(2000)
					seen.add(&m.seen)
				}
				seen.enough(t, workers, flows)
			})
		}
	}
}

// FuzzInterleavings has the fuzzer decide.
func FuzzInterleavings(f *testing.F) {
	f.Add(uint8(2), uint8(50), []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09"))
	random := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, 1000)
	for i := range long {
		long[i] = byte(random.Uint32())
	}
	f.Add(uint8(1), uint8(2), long)
	f.Add(uint8(3), uint8(200), long[300:])
	f.Add(uint8(9), uint8(200), long[200:])
	f.Fuzz(func(t *testing.T, workers, flows uint8, data []byte) {
		s := script(data)
		m := newModel(t, &s, 1+int(workers%3), 1+int(flows))
		if reals := int(workers >> 3 & 3); reals > 0 {
			m.share(reals)
		}
		m.run(min(len(data)/4, 400))
	})
}

type model struct {
	*cluster
	tb       testing.TB
	choose   choices
	flows    []*modelFlow
	removed  []ruleset.VirtualSource // may come back
	full     bool                    // some worker's shard was, before the last packet
	spare    spareSlots              // that nothing refers to any more
	evicted  uint64                  // flows that gave way
	cut      uint64                  // flows that were
	log      []logged
	births   int
	lastSlot map[uint16]uint16 // of a virtual, by L4 port
	follows  bool              // of its flows: else it only makes packets

	trials  map[uint16]bool           // reals whose trial nobody has
	raised  map[uint16]ruleset.Signal // signals due
	ditched map[uint16]uint32         // in a row
	tallies map[uint16]ruleset.RealTally

	stickies stickies
	seen     seen
}

func newModel(tb testing.TB, choose choices, workers, flows int) *model {
	m := &model{
		cluster: newCluster(tb, workers, flows), tb: tb, choose: choose,
		lastSlot: map[uint16]uint16{}, trials: map[uint16]bool{}, raised: map[uint16]ruleset.Signal{}, ditched: map[uint16]uint32{}, tallies: map[uint16]ruleset.RealTally{},
	}
	// Two more virtuals on the same reals, the second of one real only, for TCP and UDP.
	for n, members := range []int{3, 1} {
		v := m.source.Virtuals[0]
		v.Slot, v.Port, v.Members = uint16(3+n), uint16(81+n), slices.Clone(v.Members[:members])
		for i := range v.Members {
			v.Members[i].Binding += uint32(20 + 10*n)
		}
		m.source.Virtuals = append(m.source.Virtuals, v)
	}
	m.source.Virtuals[3].Protocol = 0
	for v := range m.source.Virtuals {
		m.source.Virtuals[v].Retry = ruleset.Retry{SYNs: 3, After: 5 * second / 2}
	}
	for _, w := range m.workers {
		w.lendAfter = 1
	}
	m.makeSticky()
	for slot := range uint16(3) { // of those that come in a real's place
		m.hops.SetNeighbour(inside, (firstReal+uint32(slot))^0x20, 2+slot)
	}
	m.spare.bindings = []uint32{90, 91}
	m.hops.Set(9, uint64(packet.MACFrom(realMAC)), uint64(packet.MACFrom(insideMAC)), inside)
	m.source.Routes = append(m.source.Routes, ruleset.Route{Prefix: 0x0a000000, Bits: 8, Hop: 9})
	m.apply()
	return m
}

// seen counts what happened, so that a test knows that it did.
type seen struct {
	moves, stays            int // SYNs that another real got, or would have, if one took it
	shown, both             int // connections whose real sees another port of the client's; of those, that moved to it or away from it
	flushed, idled, severed int // connections that a flush cut, or the idle timer; segments that were answered for it
	renewed                 int // slots that were given anew

	joined, taken, full, expired, restored, retired int // sticky entries, and connections of them
	shownKept                                       int // connections that are translated where their client belongs

	hosted int // frames that were forwarded by another worker than their flow's owner
}

func (s *seen) add(more *seen) {
	s.moves, s.stays = s.moves+more.moves, s.stays+more.stays
	s.shown, s.both = s.shown+more.shown, s.both+more.both
	s.flushed, s.idled, s.severed = s.flushed+more.flushed, s.idled+more.idled, s.severed+more.severed
	s.renewed = s.renewed + more.renewed
	s.joined, s.taken, s.full = s.joined+more.joined, s.taken+more.taken, s.full+more.full
	s.expired, s.restored, s.retired = s.expired+more.expired, s.restored+more.restored, s.retired+more.retired
	s.shownKept, s.hosted = s.shownKept+more.shownKept, s.hosted+more.hosted
}

// enough wants everything to have happened, in tables of that many flows, of that many workers.
func (s *seen) enough(t *testing.T, workers, flows int) {
	least := seen{
		moves: 20, stays: 10, shown: 10, flushed: 10, idled: 3, severed: 20, renewed: 20,
		joined: 100, taken: 20, full: 5, expired: 5, restored: 5, retired: 5,
	}
	if flows > 3 {
		least.both, least.shownKept = 1, 10
	}
	if workers > 1 {
		least.hosted = 100
	}
	got, want := reflect.ValueOf(*s), reflect.ValueOf(least)
	for i := range got.NumField() {
		if got.Field(i).Int() < want.Field(i).Int() {
			t.Errorf("%s: only %d", got.Type().Field(i).Name, got.Field(i).Int())
		}
	}
}

func (m *model) run(steps int) {
	m.follows = true
	for range steps {
		switch n := m.choose.IntN(100); {
		case n < 79:
			m.send(m.packet())
		case n < 82:
			m.unreachable()
		case n < 94:
			m.time += uint32(leaps[m.choose.IntN(len(leaps))])
			for range m.choose.IntN(4) {
				m.idle()
			}
		default:
			m.rules()
		}
		m.sync()
		m.check()
	}
	// In the end every timer runs out.
	for range 4 {
		m.time += 1800 * second
		for range 2 * second / 100 {
			m.time += 100
			m.idle()
			m.sync()
		}
	}
	if len(m.flows) != 0 {
		m.fail("%d flows never end: %+v", len(m.flows), *m.flows[0])
	}
	m.check()
}

var leaps = []int{1, 10, 100, second, 3 * second, 9 * second, 11 * second, 29 * second, 33 * second, 61 * second, 3601 * second}

// sync follows what the sweep did: it forgets the flows whose time was up, or that were flushed without more ado, and that
// are gone. Any other that is gone is an error.
func (m *model) sync() {
	evicted, cut := m.allEvicted(), uint64(0)
	for _, w := range m.workers {
		cut += w.live.cut
	}
	cuts := m.cuts()
	early, halfOpen, flushed := uint64(0), uint64(0), uint64(0)
	m.flows = slices.DeleteFunc(m.flows, func(f *modelFlow) bool {
		if m.present(f) {
			return false
		}
		if f.opening() {
			halfOpen++
		}
		switch {
		case m.flushing(f) && (f.phase == flowtable.UDP || f.opening() && !f.answered):
			if f.counted() {
				flushed++
			}
		case f.phase == flowtable.Established && (m.flushing(f) || m.virtual(f.virtual).IdleReset):
			m.fail("flow %+v is gone, and was not cut", f)
		case !m.expired(f):
			if early++; !f.opening() {
				m.fail("flow %+v is gone", f)
			}
		}
		m.over(f)
		m.enter(f, flowtable.Free)
		return true
	})
	gaveWay := evicted - m.evicted
	if early > gaveWay || gaveWay > halfOpen {
		m.fail("%d flows gave way; %d half-open ones are gone, %d of them early", gaveWay, halfOpen, early)
	}
	if most := m.cut + cuts + flushed; cut > most || cut+gaveWay < most {
		m.fail("%d cut, want %d; %d gave way", cut, most, gaveWay)
	}
	m.evicted, m.cut = evicted, cut
}

// logged is a packet that was sent, for the message when a check fails.
type logged struct {
	time    uint32
	worker  int
	packet  pkt
	verdict Verdict
	out     uint16
}

func (m *model) fail(format string, args ...any) {
	m.tb.Helper()
	for _, l := range m.log[max(0, len(m.log)-40):] {
		m.tb.Logf("%d: worker %d: %+v: verdict %d out %d", l.time, l.worker, l.packet, l.verdict, l.out)
	}
	m.tb.Fatalf(format, args...)
}

func (m *model) find(k flowtable.Key) (*modelFlow, bool) {
	for _, f := range m.flows {
		if f.key == k {
			return f, true
		}
		if f.reply == k {
			return f, false
		}
	}
	return nil, false
}

func (m *model) virtual(slot uint16) *ruleset.VirtualSource {
	for i := range m.source.Virtuals {
		if m.source.Virtuals[i].Slot == slot {
			return &m.source.Virtuals[i]
		}
	}
	return nil
}

// owner is the worker that holds a client's flows.
func (m *model) owner(k flowtable.Key) *world {
	return m.workers[m.workers[0].steering.Owner(k.Src, k.SrcPort)]
}

// recordOf is a flow's record, nil if no worker holds one. Its owner must, and know it by both tuples.
func (m *model) recordOf(f *modelFlow) *flowtable.Record {
	for _, w := range m.workers {
		ref := w.table.Find(&f.key, w.table.Hash(&f.key))
		if ref == 0 || w.table.Record(ref.Record()).Guest() {
			continue
		}
		if reply := w.table.Find(&f.reply, w.table.Hash(&f.reply)); reply != ref|1 || w != m.owner(f.key) {
			m.fail("flow %+v is found at %#x and %#x", f, ref, reply)
		}
		return w.table.Record(ref.Record())
	}
	return nil
}

// present tells whether a worker holds a flow.
func (m *model) present(f *modelFlow) bool { return m.recordOf(f) != nil }

// allEvicted are the flows that gave way in full tables.
func (m *model) allEvicted() (n uint64) {
	for _, w := range m.workers {
		n += w.live.evicted
	}
	return n
}

// isFull tells whether some worker's shard is.
func (m *model) isFull() bool {
	return slices.ContainsFunc(m.workers, func(w *world) bool { s := w.table.Stats(); return s.Used-w.guests == s.Capacity })
}

// deliver is the cluster's; what expires at the first worker counts at the owner no more.
func (m *model) deliver(to int, port uint16, b []byte) Frame {
	f := m.burst(to, frameOf(port, b))
	if f.Verdict == Hand {
		if m.follows {
			m.reopened(to, f.Bytes())
			m.sync()
			m.full = m.isFull()
		}
		to = int(f.Out)
		f.Flags, f.Verdict, f.Out = FlagHanded, 99, 99
		f = m.burst(to, f)
	} else if flow, _ := m.find(keyIn(b)); flow != nil && m.owner(flow.key) != m.workers[to] && f.Verdict == Send {
		m.seen.hosted++
	}
	m.settle()
	return f
}

// reopened forgets a flow in whose place a SYN would open another, but for its virtual, which was removed: where the client
// is a real's endpoint as well, the worker hands the frame over then, as if it came from that real.
func (m *model) reopened(worker int, b []byte) {
	flow, isForward := m.find(keyIn(b))
	if flow != nil && isForward && flow.key.Protocol == packet.ProtocolTCP && opens(b[47]) && m.owner(flow.key) == m.workers[worker] && m.virtual(flow.virtual).Draining && !m.present(flow) {
		m.forget(flow)
	}
}
