package ruleset

// Limits of slot numbers. 0 is never a slot's number.
const (
	MaxVirtuals = 1<<16 - 1
	MaxReals    = 1<<16 - 1
	MaxHops     = 1<<16 - 1
	MaxBindings = 1 << 20
	MaxPorts    = 32
)

// Predictor chooses the real for a new connection (SPEC.md section 3).
type Predictor uint8

const (
	LeastConns Predictor = iota
	RoundRobin
	Weighted
	Fastest
	Loaded
	Hash
	P2C
	Predictors // how many there are
)

// Timers are a virtual's, in ticks.
type Timers struct{ HalfOpen, Idle, CloseDelay, UDPIdle uint32 }

// Virtual is what a worker needs of one virtual.
type Virtual struct {
	Address   uint32
	Port      uint16
	Protocol  uint8 // 0: TCP and UDP
	Reset     bool  // answer TCP of no flow with RST
	Refuse    bool  // answer a SYN that no real can take with RST
	PassReset bool  // a RST that answers a SYN goes on to the client
	Draining  bool  // removed: for its live flows it stays, for all else it is not there
	IdleReset bool  // a connection that was idle too long is reset at both ends
	Flush     bool  // live flows are cut
	Retry     Retry
	Guard     Guard
	Timers    Timers
	Sticky    Sticky
	tiers     span // of tiers
	trials    span // of members
	keepers   span // of members
}

// Sticky has a client's connections go to the real that its first one went to (SPEC.md section 3).
type Sticky struct {
	Group uint16 // control's number for the virtuals that share entries; 0: the virtual has none
	Bits  uint8  // of the client's address that tell clients apart, 1 to 32
	Timer uint32 // ticks that an entry lasts after its last connection has closed
}

// Retry is when a client's unanswered SYN goes to another real (SPEC.md section 4): once SYNs went unanswered, or After
// has passed since the first. Zero fields of a real's leave it to the virtual.
type Retry struct {
	SYNs  uint8
	After uint32 // beats
}

// Guard bounds a virtual's half-open connections, over all workers.
type Guard struct {
	Limit uint32 // 0: none
	Drop  bool   // above it new SYNs are dropped; else the oldest connection gives way
}

// Tier is a group of members that take new connections while no tier before it can: first a virtual's own reals, then
// those of its backup virtuals.
type Tier struct {
	Predictor Predictor
	ByPort    bool  // Hash: a client is an address and a port, else an address
	Settled   bool  // all members have their whole share: no slow start goes on
	Even      bool  // and the same weight
	Aging     Aging // Fastest
	members   span
	standIns  uint32 // behind the members: reached by Member.StandIn alone
	turns     span
	table     uint32 // Hash: of tables
	settled   uint32 // Hash: of tables; that of the members whose slow start is over, if there are both kinds
	places    span   // of places: those members, in the tier
}

// Member is a real that may take a virtual's new connections: those of weight 0 are not members.
type Member struct {
	Binding uint32 // slot
	Real    uint16 // slot
	Weight  uint16
	StandIn uint16 // place in the tier, counted from 1, of who takes over while this one is full; 0: nobody
	Limited bool   // its real has MaxConns
	Ramping bool   // its real's share still rises
	Load    uint32 // what is reported of its real, if the predictor is Loaded
}

// Real is what a worker needs of one real. Addresses and ports are in host byte order; port 0 keeps the client's.
type Real struct {
	Address   uint32
	Port      uint16
	Retry     Retry  // before its virtual's
	MaxConns  uint32 // 0: no limit
	Load      uint32 // set by the operator: so many connections more, for the predictor Loaded
	Threshold uint32 // consecutive ditched connections that fail it; 0: never
	Since     uint32 // tick at which its slow start began
	Ramp      uint32 // ticks that it takes; 0: none

	Unavailable bool // failed: who still waits for an answer need not wait long
	Flush       bool // live flows are cut
	Watched     bool // failed, and brought back by an established connection that shows life
}

// span is a piece of a slice.
type span struct{ first, count uint32 }

func of[T any](s []T, at span) []T { return s[at.first:][:at.count] }

// Port is the Ethernet device with that number.
type Port struct {
	MAC     uint64 // as packet.MAC
	Address uint32 // source of ICMP errors; 0: none
}

// Snapshot is one generation of the rules. Nothing in it changes after Build.
type Snapshot struct {
	Generation      uint32
	RouteGeneration uint16 // never 0
	TransitRoute    bool   // forward what is for nobody here
	Ports           [MaxPorts]Port

	virtuals  []Virtual // by slot
	reals     []Real    // by slot
	tiers     []Tier
	members   []Member
	slots     []uint16   // of the members' reals, side by side: who looks at all members reads these
	loads     []uint32   // and their Load
	turns     []uint32   // places of a tier's members, in weighted rotation
	tables    [][]uint16 // for Hash; no snapshot's own: the next one may have them, too
	places    []uint16
	endpoints endpoints
	ways      []reach[Way]
	classes   []reach[uint16] // of clients
	special   special
	secure    bool
}

// Virtual is the virtual in a slot.
func (s *Snapshot) Virtual(slot uint16) *Virtual { return &s.virtuals[slot] }

// Real is the real in a slot.
func (s *Snapshot) Real(slot uint16) *Real { return &s.reals[slot] }

// Tiers are the groups of members that v's new connections may go to, in order.
func (s *Snapshot) Tiers(v *Virtual) []Tier { return of(s.tiers, v.tiers) }

// Members are the reals that new connections may go to.
func (s *Snapshot) Members(t *Tier) []Member { return of(s.members, t.members) }

// Slots are the slots of the members' reals, and Loads their Load.
func (s *Snapshot) Slots(t *Tier) []uint16 { return of(s.slots, t.members) }

// Loads are as Slots.
func (s *Snapshot) Loads(t *Tier) []uint32 { return of(s.loads, t.members) }

// All are the members and behind them those who stand in for full ones.
func (s *Snapshot) All(t *Tier) []Member {
	return s.members[t.members.first:][:t.members.count+t.standIns]
}

// First is the place of the tier's first member among all members of the snapshot, see Member.
func (s *Snapshot) First(t *Tier) uint32 { return t.members.first }

// Member is the member at a place among all of the snapshot.
func (s *Snapshot) Member(at uint32) *Member { return &s.members[at] }

// Turns is a tier's weighted rotation: places of its members, each as often as its weight asks.
func (s *Snapshot) Turns(t *Tier) []uint32 { return of(s.turns, t.turns) }

// Table is where Hash finds a client's member: places of the tier's members, each as often as its weight asks.
func (s *Snapshot) Table(t *Tier) []uint16 { return s.tables[t.table] }

// Settled is the table of the members whose slow start is over, whose places in the tier are in places; nil where
// there are none, or no others.
func (s *Snapshot) Settled(t *Tier) (table, places []uint16) {
	return s.tables[t.settled], of(s.places, t.places)
}

// Keepers are the reals that clients with a sticky entry may go to, by slot; the place of the first is first.
func (s *Snapshot) Keepers(v *Virtual) (first uint32, members []Member) {
	return v.keepers.first, of(s.members, v.keepers)
}

// Trials are the members in state testing: each takes one connection, its trial. First is the place of the first.
func (s *Snapshot) Trials(v *Virtual) (first uint32, members []Member) {
	return v.trials.first, of(s.members, v.trials)
}
