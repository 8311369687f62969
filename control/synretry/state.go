package synretry

// State is what a real may take (the table in SPEC.md section 4).
type State uint8

// The states. MaxCapacity is in-service in all but that the real is full at this moment.
const (
	InService State = iota
	MaxCapacity
	Testing
	Failed
	ExternallyFailed
	Maintenance
	StickyOnly
	OutOfService
	States // how many
)

var names = [States]string{
	"in-service", "max-capacity", "testing", "failed", "externally-failed", "maintenance", "sticky-only", "out-of-service",
}

// String is the state's name on the control socket.
func (s State) String() string {
	if s < States {
		return names[s]
	}
	return "invalid"
}

// Named is the state of a name.
func Named(name string) (State, bool) {
	for s := range States {
		if names[s] == name {
			return s, true
		}
	}
	return 0, false
}

// Serves tells whether a real in this state takes new connections, as far as it is not full.
func (s State) Serves() bool { return s == InService || s == MaxCapacity }

// Keeps tells whether a real in this state takes new connections of clients with a sticky entry, as far as it is not
// full. (One in state testing takes its trial alone.)
func (s State) Keeps() bool { return s.Serves() || s == Maintenance || s == StickyOnly }

// Probed tells whether a real in this state is probed: not where the operator works on it.
func (s State) Probed() bool { return s != Maintenance && s != OutOfService }

// Settable tells whether an operator may put a real into this state; the others are findings.
func (s State) Settable() bool {
	switch s {
	case InService, Maintenance, StickyOnly, OutOfService, ExternallyFailed:
		return true
	}
	return false
}
