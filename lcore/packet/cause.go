package packet

// DropCause says why a frame was dropped; every drop has one and is counted under it.
type DropCause uint8

// The causes. Parse returns those up to UDPMalformed, but Segmented; the others are the packet path's.
const (
	None DropCause = iota
	Short
	Segmented
	IPMalformed
	IPTruncated
	TCPMalformed
	UDPMalformed
	Fragment
	NotForUs
	Secure
	NoFlow
	StrayReply
	TableFull
	TupleTaken
	NoReal
	Withheld
	Cut
	Synguard
	NoRoute
	NoNeighbour
	TTLExpired
	ICMPLimited
	Transit
	PuntNeighbour
	PuntHello
	PuntICMP
	PuntHost
	PuntRest
	TxFull
	HandFull
	PuntFull
	Causes // how many there are
)

var causes = [Causes]struct{ name, help string }{
	None:          {"none", "not dropped"},
	Short:         {"short", "shorter than its Ethernet or IPv4 header"},
	Segmented:     {"segmented", "longer than one mbuf"},
	IPMalformed:   {"ip-malformed", "IPv4 header with a wrong version or header length"},
	IPTruncated:   {"ip-truncated", "IPv4 total length beyond the frame's end"},
	TCPMalformed:  {"tcp-malformed", "TCP header that does not fit its datagram"},
	UDPMalformed:  {"udp-malformed", "UDP length that does not fit its datagram"},
	Fragment:      {"fragment", "IPv4 fragment"},
	NotForUs:      {"not-for-us", "destination MAC is not the port's"},
	Secure:        {"secure", "TCP or UDP to a virtual's address that no virtual takes (secure)"},
	NoFlow:        {"no-flow", "TCP to a virtual, no SYN, no flow"},
	StrayReply:    {"stray-reply", "from a real's endpoint, no flow; or an ICMP error that quotes one"},
	TableFull:     {"table-full", "new connection, no free record"},
	TupleTaken:    {"tuple-taken", "new connection whose reply tuple other flows have at every real, for whatever port of the client's"},
	NoReal:        {"no-real", "new connection, no real that takes it"},
	Withheld:      {"withheld", "RST or ICMP unreachable that answered a SYN: the client's next one goes to another real"},
	Cut:           {"cut", "segment of a connection that is being cut, answered with RST"},
	Synguard:      {"synguard", "new connection above its virtual's limit of half-open ones"},
	NoRoute:       {"no-route", "no route to the destination"},
	NoNeighbour:   {"no-neighbour", "next hop's MAC not known"},
	TTLExpired:    {"ttl-expired", "time to live ran out, answered with ICMP"},
	ICMPLimited:   {"icmp-limited", "time to live ran out, no answer: over their rate limit, or none is due"},
	Transit:       {"transit", "neither for a virtual nor for the director"},
	PuntNeighbour: {"punt-neighbour", "over the rate limit of ARP and neighbour discovery for the kernel"},
	PuntHello:     {"punt-hello", "over the rate limit of VRRP and other link-local multicast for the kernel"},
	PuntICMP:      {"punt-icmp", "over the rate limit of ICMP for the kernel"},
	PuntHost:      {"punt-host", "over the rate limit of TCP for the kernel's sockets"},
	PuntRest:      {"punt-rest", "everything else for the kernel, over its rate limit or from a neighbour not known yet"},
	TxFull:        {"tx-full", "transmit queue or the ring to its owner full"},
	HandFull:      {"hand-full", "ring to the owning worker full"},
	PuntFull:      {"punt-full", "ring to the kernel taps full"},
}

// String is the cause as metrics show it.
func (c DropCause) String() string { return causes[c].name }

// Help explains the cause in a few words.
func (c DropCause) Help() string { return causes[c].help }
