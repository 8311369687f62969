package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
	"linedirector/lcore/sticky"
)

// MaxBurst is the longest burst.
const MaxBurst = flowtable.MaxBurst

// Config is what a worker's packet path is made of. Times are in ticks, whose length is the caller's choice;
// a millisecond or a little less is right. A tick is 1<<TickShift beats, which measure how fast reals answer: half a
// microsecond is right.
type Config struct {
	Self           int              // this worker's number
	Steering       *Steering        // shared by all workers, immutable
	Table          *flowtable.Table // its own shard
	Hops           *ruleset.Hops    // shared
	Counts         *ruleset.Counts  // its own
	Stats          *Stats           // its own
	Wants          *Wants           // its own
	Listing        *Listing         // its own; nil: nobody lists
	Sticky         *sticky.Table    // shared by all workers and control; nil: no client keeps its real
	Notes          *Notes           // shared by all workers; nil: none lends another a flow
	Spares         []Frame          // empty ones, for what the worker sends of its own; at most MaxBurst
	TickShift      uint
	TicksPerSecond uint32
	Start          uint32            // tick at the start
	Silence        uint32            // ticks after Start in which unknown TCP is answered by silence
	Sweep          uint32            // ticks in which the expiry sweep visits the whole shard
	PuntRate       [PuntKinds]uint32 // frames a second that this worker may give to the kernel, by kind
	Seed           uint64            // of what is left to chance; 0: this worker's own, the same each time
	AnswerRate     uint32            // ICMP errors a second that this worker may send
}

// Worker is one worker's packet path and what its stages hand one another.
type Worker struct {
	table    *flowtable.Table
	rules    *ruleset.Snapshot
	hops     *ruleset.Hops
	counts   *ruleset.Counts
	stats    *Stats
	wants    *Wants
	listing  *Listing
	sticky   *sticky.Table
	steering *Steering
	self     uint16

	now, start, silence uint32 // ticks
	beats               uint64 // now
	beat                uint32 // its lower half, as records hold it
	tickShift           uint
	live                live // counters, until Publish

	spares []Frame
	spared int // of this burst

	frames []Frame // the burst

	// of it, dense: only frames that may belong to a flow
	flows int
	seen  uint8           // Flag… of any of them
	place [MaxBurst]uint8 // in frames
	meta  [MaxBurst]packet.Meta
	hash  [MaxBurst]uint64
	ref   [MaxBurst]flowtable.Ref
	// the phase of a flow that the frame does not change; Free: it may change the flow, or takes a detour
	steady [MaxBurst]flowtable.Phase
	miss   [MaxBurst]uint8 // the frames of no known flow, in their order
	// of those: the virtual's slot, by place in miss; the member planned, by frame; the frames with a plan
	virtual [MaxBurst]uint16
	planned [MaxBurst]uint32
	plans   [MaxBurst]uint8

	peers     []peer
	tickets   tickets
	guests    uint32 // of the table's records
	lendAfter uint8
	due       int // loans
	loans     [MaxBurst]loan

	lastHops [lastHopPlaces]lastHop
	second   uint32 // in ticks

	turn    []uint32  // by virtual slot: its place in the rotation
	opening []opening // by virtual slot: its opening connections
	spread  uint32    // of the turns that slow starts let go by
	chance  chance

	sweep  sweep
	punts  [PuntKinds]bucket
	answer bucket
}

// New makes a packet path. It is given its rules by Use before the first burst.
func New(c Config) *Worker {
	w := &Worker{
		table: c.Table, hops: c.Hops, counts: c.Counts, stats: c.Stats, wants: c.Wants,
		sticky: c.Sticky, steering: c.Steering, self: uint16(c.Self),
		now: c.Start, start: c.Start, silence: c.Silence,
		second:    c.TicksPerSecond,
		tickShift: c.TickShift, spares: c.Spares,
		turn: make([]uint32, ruleset.MaxVirtuals+1), opening: make([]opening, ruleset.MaxVirtuals+1),
		chance: newChance(c.Seed, c.Self),
		sweep:  sweep{round: max(c.Sweep, 1), last: c.Start, next: 1},
		answer: newBucket(c.AnswerRate, c.TicksPerSecond, c.Start),
	}
	w.peers, w.lendAfter = c.Notes.peers(w.self), lendAfter
	if w.listing = c.Listing; w.listing == nil {
		w.listing = &Listing{}
	}
	for i := range w.turn { // workers start their rotations apart
		w.turn[i] = uint32(c.Self)
	}
	for kind := range w.punts {
		w.punts[kind] = newBucket(c.PuntRate[kind], c.TicksPerSecond, c.Start)
	}
	return w
}

// frame is the i-th of the burst that may belong to a flow.
func (w *Worker) frame(i int) *Frame { return &w.frames[w.place[i&(MaxBurst-1)]] }

// Use makes s the rules from the next burst on.
func (w *Worker) Use(s *ruleset.Snapshot) { w.rules = s }

// Rules are the rules in use.
func (w *Worker) Rules() *ruleset.Snapshot { return w.rules }
