package conf

import "strings"

// Side says whom a port faces.
type Side uint8

// The sides; SideBoth is the default.
const (
	SideBoth Side = iota
	SideClients
	SideReals
)

// Transit says what becomes of packets that belong to no virtual and are not
// for the director itself.
type Transit uint8

// The ways of transit; TransitDrop is the default.
const (
	TransitDrop Transit = iota
	TransitRoute
)

// Protocol is the number of an L4 protocol as IPv4 headers carry it.
type Protocol uint8

// The protocols; TCP is the default. Any stands for TCP and UDP both, where neither has a virtual of its own.
const (
	Any Protocol = 0
	TCP Protocol = 6
	UDP Protocol = 17
)

// Predictor is the rule that picks the real of a new connection.
type Predictor uint8

// The predictors; LeastConns is the default.
const (
	LeastConns Predictor = iota
	RoundRobin
	Weighted
	Fastest
	Loaded
	Hash
	P2C
)

// HashOf is what of a client the predictor Hash looks at.
type HashOf uint8

// What there is; HashAddress is the default.
const (
	HashAddress  HashOf = iota
	HashEndpoint        // address and port
)

// Unknown says how a virtual treats a packet that belongs to no flow and opens
// none.
type Unknown uint8

// The answers; RST is the default.
const (
	RST Unknown = iota
	Drop
)

// State is what the operator wants of a real.
type State uint8

// The states; StateInService is the default.
const (
	StateInService    State = iota
	StateMaintenance        // no new connections, but for clients with a sticky entry
	StateStickyOnly         // the same, and probes go on
	StateOutOfService       // no new connections at all
)

// ResetAnswer says what becomes of a RST, or an ICMP unreachable, that answers
// a SYN.
type ResetAnswer uint8

// The answers; ResetWithhold is the default, which lets the client try again.
const (
	ResetWithhold ResetAnswer = iota
	ResetPass
)

// Expiry says whether the end of an idle timer is told to both ends of a TCP
// connection.
type Expiry uint8

// The ways to expire; ExpirySilent is the default.
const (
	ExpirySilent Expiry = iota
	ExpiryReset         // both get a RST
)

// Above says what becomes of a SYN above the limit of half-open connections.
type Above uint8

// The remedies; AboveEvict is the default.
const (
	AboveEvict Above = iota // the oldest half-open connection gives way
	AboveDrop               // the new SYN is dropped
)

// ProbeType is what a probe asks a real.
type ProbeType uint8

// The types of probes.
const (
	ProbeICMP  ProbeType = iota // an echo is answered
	ProbeTCP                    // a connection is accepted
	ProbeHTTP                   // a GET is answered as expected
	ProbeHTTPS                  // the same over TLS
	ProbeUDP                    // a datagram is answered
	ProbeDNS                    // a query is answered
)

// Poll says how workers wait for packets.
type Poll uint8

// The ways to poll. PollAuto, the default, is adaptive where every port is a
// virtual device, else busy.
const (
	PollAuto Poll = iota
	PollBusy
	PollAdaptive
)

// word is a value as the operator writes it.
type word[T ~uint8] struct {
	text  string
	value T
}

var (
	sideWords     = []word[Side]{{"clients", SideClients}, {"reals", SideReals}, {"both", SideBoth}}
	transitWords  = []word[Transit]{{"drop", TransitDrop}, {"route", TransitRoute}}
	protocolWords = []word[Protocol]{{"tcp", TCP}, {"udp", UDP}, {"any", Any}}
	hashOfWords   = []word[HashOf]{{"address", HashAddress}, {"endpoint", HashEndpoint}}
	unknownWords  = []word[Unknown]{{"rst", RST}, {"drop", Drop}}
	pollWords     = []word[Poll]{{"auto", PollAuto}, {"busy", PollBusy}, {"adaptive", PollAdaptive}}
	resetWords    = []word[ResetAnswer]{{"withhold", ResetWithhold}, {"pass", ResetPass}}
	expiryWords   = []word[Expiry]{{"silent", ExpirySilent}, {"rst", ExpiryReset}}
	aboveWords    = []word[Above]{{"evict", AboveEvict}, {"drop", AboveDrop}}
	stateWords    = []word[State]{
		{"in-service", StateInService},
		{"maintenance", StateMaintenance},
		{"sticky-only", StateStickyOnly},
		{"out-of-service", StateOutOfService},
	}
	predictorWords = []word[Predictor]{
		{"leastconns", LeastConns},
		{"roundrobin", RoundRobin},
		{"weighted", Weighted},
		{"fastest", Fastest},
		{"loaded", Loaded},
		{"hash", Hash},
		{"p2c", P2C},
	}
	probeWords = []word[ProbeType]{
		{"icmp", ProbeICMP},
		{"tcp", ProbeTCP},
		{"http", ProbeHTTP},
		{"https", ProbeHTTPS},
		{"udp", ProbeUDP},
		{"dns", ProbeDNS},
	}
)

// recordTypes are the records that a DNS probe can ask for.
var recordTypes = []string{"A", "AAAA", "TXT", "SOA", "NS"}

// laterWords are those that the specification knows and this version does not.
var laterWords = map[string][]string{
	"remedy": {"cookies"},
}

// String returns the word of the configuration file.
func (s Side) String() string { return wordOf(sideWords, s) }

// String returns the word of the configuration file.
func (t Transit) String() string { return wordOf(transitWords, t) }

// String returns the word of the configuration file.
func (p Protocol) String() string { return wordOf(protocolWords, p) }

// String returns the word of the configuration file.
func (p Predictor) String() string { return wordOf(predictorWords, p) }

// String returns the word of the configuration file.
func (h HashOf) String() string { return wordOf(hashOfWords, h) }

// String returns the word of the configuration file.
func (u Unknown) String() string { return wordOf(unknownWords, u) }

// String returns the word of the configuration file.
func (s State) String() string { return wordOf(stateWords, s) }

// String returns the word of the configuration file.
func (r ResetAnswer) String() string { return wordOf(resetWords, r) }

// String returns the word of the configuration file.
func (e Expiry) String() string { return wordOf(expiryWords, e) }

// String returns the word of the configuration file.
func (a Above) String() string { return wordOf(aboveWords, a) }

// String returns the word of the configuration file.
func (t ProbeType) String() string { return wordOf(probeWords, t) }

// String returns the word of the flag.
func (p Poll) String() string { return wordOf(pollWords, p) }

func wordOf[T ~uint8](words []word[T], value T) string {
	for _, w := range words {
		if w.value == value {
			return w.text
		}
	}
	return "invalid"
}

func texts[T ~uint8](words []word[T]) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.text
	}
	return all
}

// either joins alternatives as in "a, b or c".
func either(all []string) string { return joined(all, " or ") }

// joined puts commas between all but the last two, which last parts.
func joined(all []string, last string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	end := len(all) - 1
	return strings.Join(all[:end], ", ") + last + all[end]
}
