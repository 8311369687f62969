package ruleset

// Route is a destination and what leads there: a gateway's next-hop slot, or with Hop 0 the link of a port,
// where each destination is its own next hop.
type Route struct {
	Prefix uint32
	Bits   uint8
	Hop    uint16
	Port   uint16
}

// Way is what a route says of an address.
type Way struct {
	Hop  uint16
	Port uint16 // NoPort: unreachable
}

// NoPort marks an address without a route.
const NoPort = 0xffff

// ways are the ranges of addresses under one route each.
func ways(routes []Route) []reach[Way] {
	prefixes := make([]prefix[Way], len(routes))
	for i, r := range routes {
		prefixes[i] = prefix[Way]{r.Prefix, r.Bits, Way{r.Hop, r.Port}}
	}
	return flatten(prefixes, Way{Port: NoPort})
}

// Route is the way to an address. It takes a logarithm of the number of routes.
func (s *Snapshot) Route(address uint32) *Way { return holding(s.ways, address) }
