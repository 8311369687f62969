package doctor

import (
	"cmp"
	"io/fs"
	"slices"

	"linedirector/conf"
)

// Level says how much a finding matters.
type Level string

const (
	OK      Level = "ok"
	Advice  Level = "advice"  // costs something, or may at times
	Problem Level = "problem" // prevents a start, or costs much
)

// Finding is one thing that was looked at.
type Finding struct {
	Level Level  `json:"level"`
	Topic string `json:"topic"`
	Port  string `json:"port,omitempty"` // that of the configuration, where it is about one
	What  string `json:"what"`           // what is
	Do    string `json:"do,omitempty"`   // what to do, and why; "" with OK
}

// Machine is what to look at.
type Machine struct {
	Root     fs.FS          // the machine's root directory; it must know symbolic links (fs.ReadLinkFS), as os.DirFS does
	User     int            // the effective user
	Flags    *conf.Flags    // of the start that is meant
	Config   *conf.Config   // nil: not known, and its ports are not looked at
	Memory   int64          // bytes that the start takes from hugepages, or without them from the heap
	Adaptive bool           // workers nap when idle
	MaxMTU   int            // the longest packet that is forwarded, in bytes
	Devices  map[int]Device // what DPDK says, by the port's place in Config.Ports; may lack some

	// Rings tells the descriptors of the interface's receive queues, those that it has and those that it may have; nil:
	// nobody can tell.
	Rings func(iface string) (now, most int, err error)
}

// Device is what DPDK says of a port's device.
type Device struct {
	Err                      error // why DPDK cannot have it; the rest is void
	MaxRxQueues, MaxTxQueues int
	MaxRxDesc                int  // of a queue
	Steerable                bool // its RSS can bring packets to the worker that owns their flow
}

// Examine looks at everything and returns what it found, problems first; of one level in the order of the machine:
// memory, CPUs, rights, ports. It reads files, blocks on nothing else, and never fails: what cannot be read is passed over, or
// said where it matters.
func Examine(m Machine) []Finding {
	e := &examination{Machine: m, root: root{m.Root}}
	for _, look := range []func(){
		e.rights, e.hugepages, e.plainMemory, e.lockedMemory, e.mappings, e.transparent,
		e.sharing, e.siblings, e.nodes, e.quota,
		e.isolation, e.interrupts, e.balancing, e.steal, e.realtime,
		e.timeStamps, e.governor, e.idleStates,
		e.ports, e.neighbours,
	} {
		look()
	}
	slices.SortStableFunc(e.found, func(a, b Finding) int { return cmp.Compare(rank[a.Level], rank[b.Level]) })
	return e.found
}

var rank = map[Level]int{Problem: 0, Advice: 1, OK: 2}

// Count is how many findings are of a level.
func Count(found []Finding, level Level) (n int) {
	for _, f := range found {
		if f.Level == level {
			n++
		}
	}
	return n
}

// examination is a machine while it is looked at.
type examination struct {
	Machine
	root  root
	port  string // that is looked at
	found []Finding
}

func (e *examination) ok(topic, what string)          { e.add(OK, topic, what, "") }
func (e *examination) advice(topic, what, do string)  { e.add(Advice, topic, what, do) }
func (e *examination) problem(topic, what, do string) { e.add(Problem, topic, what, do) }

func (e *examination) add(level Level, topic, what, do string) {
	e.found = append(e.found, Finding{level, topic, e.port, what, do})
}

// configured are the ports, none where no configuration is known.
func (e *examination) configured() []conf.Port {
	if e.Config == nil {
		return nil
	}
	return e.Config.Ports
}

// onNICs tells whether a port is a PCI device.
func (e *examination) onNICs() bool {
	return slices.ContainsFunc(e.configured(), func(p conf.Port) bool { return !p.Virtual() })
}
