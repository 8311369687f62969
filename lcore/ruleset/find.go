package ruleset

// special is what a look-up of virtuals must think of beyond exact endpoints for all clients.
type special uint8

const (
	classes   special = 1 << iota // some virtual is for a class of clients
	everyPort                     // some virtual has every port
	removed                       // some virtual drains
)

// FindVirtual is the slot of the virtual at an endpoint for a client, 0 if there is none. The exact port goes before every
// port, then the client's class before all clients, then the exact protocol before any (SPEC.md section 1). A draining
// virtual is found where no other is.
func (s *Snapshot) FindVirtual(client, address uint32, port uint16, protocol uint8) uint16 {
	if s.special == 0 {
		return s.endpoints.find(key(address, port, protocol, aVirtual), 0)
	}
	return s.findSpecial(client, address, port, protocol)
}

func (s *Snapshot) findSpecial(client, address uint32, port uint16, protocol uint8) uint16 {
	class := uint16(0)
	if s.special&classes != 0 {
		class = *holding(s.classes, client)
	}
	if slot := s.findOfClass(address, port, protocol, class); slot != 0 {
		return slot
	}
	if s.special&everyPort != 0 {
		if slot := s.findOfClass(address, 0, protocol, class); slot != 0 {
			return slot
		}
	}
	if s.special&removed != 0 {
		return s.findAny(address, port, protocol, draining)
	}
	return 0
}

func (s *Snapshot) findOfClass(address uint32, port uint16, protocol uint8, class uint16) uint16 {
	if class != 0 {
		if slot := s.endpoints.find(key(address, port, protocol, aVirtual), class); slot != 0 {
			return slot
		}
	}
	return s.endpoints.find(key(address, port, protocol, aVirtual), 0)
}

// findAny finds what is at an endpoint or at every port of its address.
func (s *Snapshot) findAny(address uint32, port uint16, protocol uint8, want kind) uint16 {
	if slot := s.endpoints.find(key(address, port, protocol, want), 0); slot != 0 {
		return slot
	}
	return s.endpoints.find(key(address, 0, protocol, want), 0)
}

// Classed tells whether some class of clients has a virtual at an endpoint. A client that has none there may yet have flows
// to it, from before classes changed: their owner knows.
func (s *Snapshot) Classed(address uint32, port uint16, protocol uint8) bool {
	return s.special&classes != 0 && s.findAny(address, port, protocol, classed) != 0
}

// FindReal is the slot of a real that serves this protocol at an endpoint, 0 if there is none.
func (s *Snapshot) FindReal(address uint32, port uint16, protocol uint8) uint16 {
	return s.findAny(address, port, protocol, aReal)
}

// Local tells whether an address is the director's own: a port's or a virtual's.
func (s *Snapshot) Local(address uint32) bool {
	return s.endpoints.find(key(address, 0, 0, local), 0) != 0
}

// Secured tells whether TCP and UDP to an address of the director's are for its virtuals alone. An address that is a
// port's, too, is not secured: the operator's ssh must not depend on where virtuals are put.
func (s *Snapshot) Secured(address uint32) bool {
	return s.secure && s.endpoints.find(key(address, 0, 0, local), 0) == virtuals
}
