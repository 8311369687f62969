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
)

// Timers are a virtual's, in ticks.
type Timers struct{ HalfOpen, Idle, CloseDelay, UDPIdle uint32 }

// Virtual is what a worker needs of one virtual. Its members are Members[First : First+Count], its turns
// Turns[FirstTurn : FirstTurn+TurnCount].
type Virtual struct {
	Address              uint32
	Port                 uint16
	Protocol             uint8
	Predictor            Predictor
	Reset                bool // answer TCP of no flow with RST
	Draining             bool // removed: for its live flows it stays, for all else it is not there
	First, Count         uint32
	FirstTurn, TurnCount uint32
	Timers               Timers
}

// Member is a real that may take a virtual's new connections: those of weight 0 are not members.
type Member struct {
	Binding uint32 // slot
	Real    uint16 // slot
	Weight  uint16
}

// Real is a real's endpoint, host byte order. Port 0 keeps the client's.
type Real struct {
	Address uint32
	Port    uint16
}

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
	members   []Member
	turns     []uint32 // indices of a virtual's members, in weighted rotation
	endpoints endpoints
	ranges    []Range
}

// Virtual is the virtual in a slot.
func (s *Snapshot) Virtual(slot uint16) *Virtual { return &s.virtuals[slot] }

// Real is the real in a slot.
func (s *Snapshot) Real(slot uint16) *Real { return &s.reals[slot] }

// Members are the reals that v's new connections may go to.
func (s *Snapshot) Members(v *Virtual) []Member { return s.members[v.First:][:v.Count] }

// Turns is v's weighted rotation: indices of its members, each as often as its weight asks.
func (s *Snapshot) Turns(v *Virtual) []uint32 { return s.turns[v.FirstTurn:][:v.TurnCount] }
