package control

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"time"

	"go.uber.org/zap"

	"linedirector/control/kernel"
	"linedirector/lcore/ruleset"
)

// hopKey is a neighbour: the port's place in the configuration and the address on its link.
type hopKey struct {
	port    int
	address netip.Addr
}

// hop is a neighbour that has a slot.
type hop struct {
	slot   uint16
	valid  bool
	kept   bool      // a gateway, or a real on the link
	wanted time.Time // since when it is kept and unresolved
	warned bool
}

// hops gives next hops their slots and publishes their MACs in place.
type hops struct {
	log     *zap.Logger
	table   *ruleset.Hops
	ports   []Port
	keeper  Keeper
	known   map[hopKey]*hop
	slots   slots
	retired []uint32 // no neighbour has them; records may
	waiting []uint32 // retired before the route generation below was published
	after   uint32   // generation of rules after which no worker uses waiting
	full    bool     // a neighbour found no slot, and the log says so
}

func newHops(log *zap.Logger, table *ruleset.Hops, ports []Port, keeper Keeper) *hops {
	return &hops{
		log: log, table: table, ports: ports, keeper: keeper, known: map[hopKey]*hop{},
		slots: slots{what: "next hops", limit: ruleset.MaxHops},
	}
}

// ipv4 is an address in host byte order.
func ipv4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func fromIPv4(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

// mac48 is an Ethernet address as a number, first byte lowest.
func mac48(b [6]byte) (n uint64) {
	for i, x := range b {
		n |= uint64(x) << (8 * i)
	}
	return n
}

// takeOver finds the neighbours that a predecessor has left in the table, up to what slot it ever gave one. All other slots
// are retired: flow records may hold them.
func (h *hops) takeOver(highest uint32) {
	var strangers [][2]uint32
	held := map[uint32]bool{}
	h.table.Each(func(device uint16, address uint32, slot uint16) {
		i := slices.IndexFunc(h.ports, func(p Port) bool { return p.Device == device })
		if i < 0 {
			strangers = append(strangers, [2]uint32{uint32(device), address})
			return
		}
		_, valid := h.table.Get(slot)
		h.known[hopKey{i, fromIPv4(address)}] = &hop{slot: slot, valid: valid}
		held[uint32(slot)] = true
		highest = max(highest, uint32(slot))
	})
	for _, s := range strangers {
		h.table.SetNeighbour(uint16(s[0]), s[1], 0)
	}
	h.slots.highest = min(max(highest, uint32(h.table.Highest())), h.slots.limit)
	for slot := uint32(1); slot <= h.slots.highest; slot++ {
		if !held[slot] {
			h.table.Unset(uint16(slot))
			h.retired = append(h.retired, slot)
		}
	}
}

// resolved are the neighbours whose MAC is known.
func resolved(all []kernel.Neighbour) (some []kernel.Neighbour) {
	for _, n := range all {
		if n.Valid {
			some = append(some, n)
		}
	}
	return some
}

// reconcile loses what the kernel has lost since the predecessor died. What is needed is kept already.
func (h *hops) reconcile(neighbours []kernel.Neighbour) {
	there := make(map[hopKey]bool, len(neighbours))
	for _, n := range neighbours {
		there[hopKey{n.Port, n.Addr}] = n.Valid
	}
	for key, n := range h.known {
		if !there[key] && (n.valid || !n.kept) {
			h.lose(key)
		}
	}
}

// get is the neighbour's entry, made if need be; nil when there is no room.
func (h *hops) get(key hopKey) *hop {
	if n := h.known[key]; n != nil {
		return n
	}
	slot, err := h.slots.take()
	if err == nil && !h.table.SetNeighbour(h.ports[key.port].Device, ipv4(key.address), uint16(slot)) {
		h.slots.release(slot)
		err = errors.New("the index of on-link addresses is full")
	}
	if err != nil {
		if !h.full { // once, not for each
			h.log.Error("next hop not learned, nor others until some go", zap.Stringer("address", key.address), zap.Error(err))
		}
		h.full = true
		return nil
	}
	h.full = false
	n := &hop{slot: uint16(slot)}
	h.known[key] = n
	return n
}

// learn follows the kernel's neighbour table. A new MAC takes effect at once, in place.
func (h *hops) learn(events []kernel.Neighbour) {
	for _, e := range events {
		if !e.Addr.Is4() {
			continue // the workers forward IPv4
		}
		key := hopKey{e.Port, e.Addr}
		if !e.Valid {
			h.lose(key)
			continue
		}
		n := h.get(key)
		if n == nil {
			continue
		}
		port := h.ports[e.Port]
		h.table.Set(n.slot, mac48(e.MAC), mac48(port.MAC), port.Device)
		n.valid = true
		if n.warned {
			n.warned = false
			h.log.Info("next hop answers again", zap.Stringer("address", key.address))
		}
	}
}

func (h *hops) lose(key hopKey) {
	n := h.known[key]
	if n == nil {
		return
	}
	h.table.Unset(n.slot)
	if n.valid {
		n.valid, n.wanted = false, time.Now()
	}
	if !n.kept {
		h.retire(key, n)
		return
	}
	h.ask(key.port, key.address) // what was deleted, or static and is no more, is asked for again at once
}

func (h *hops) retire(key hopKey, n *hop) {
	h.table.Unset(n.slot)
	h.table.SetNeighbour(h.ports[key.port].Device, ipv4(key.address), 0)
	delete(h.known, key)
	h.retired = append(h.retired, uint32(n.slot))
}

// keep makes wanted the neighbours that the kernel keeps fresh, and no others. Values say who needs them.
func (h *hops) keep(wanted map[hopKey]string) {
	asked := map[int][]netip.Addr{} // by port, many at once, since a start keeps thousands
	for key := range wanted {
		n := h.get(key)
		if n == nil || n.kept {
			continue
		}
		n.kept, n.wanted = true, time.Now()
		asked[key.port] = append(asked[key.port], key.address)
	}
	for port, addresses := range asked {
		h.ask(port, addresses...)
	}
	for key, n := range h.known {
		if _, ok := wanted[key]; ok || !n.kept {
			continue
		}
		n.kept = false
		if err := h.keeper.Forget(h.ports[key.port].Interface, key.address); err != nil {
			h.log.Debug("next hop not forgotten", zap.Stringer("address", key.address), zap.Error(err))
		}
		if !n.valid {
			h.retire(key, n)
		}
	}
}

func (h *hops) ask(port int, addresses ...netip.Addr) {
	if err := h.keeper.Keep(h.ports[port].Interface, addresses...); err != nil {
		h.log.Warn("next hop not kept", zap.String("port", h.ports[port].Name), zap.Error(err))
	}
}

// slot is a gateway's, 0 if there is none left.
func (h *hops) slot(key hopKey) uint16 {
	if n := h.get(key); n != nil {
		return n.slot
	}
	return 0
}

// resolve answers a worker that misses an on-link address.
func (h *hops) resolve(key hopKey) {
	if err := h.keeper.Resolve(h.ports[key.port].Interface, key.address); err != nil {
		h.log.Debug("next hop not asked for", zap.Stringer("address", key.address), zap.Error(err))
	}
}

// patience is how long a next hop that reals or routes need may stay silent before the log says so.
const patience = 3 * time.Second

// complain logs, once each, the kept next hops that do not answer.
func (h *hops) complain(wanted map[hopKey]string, now time.Time) {
	for key, who := range wanted {
		n := h.known[key]
		if n == nil || n.valid || n.warned || now.Sub(n.wanted) < patience {
			continue
		}
		n.warned = true
		h.log.Warn("next hop does not answer ARP; check that it is up and on this link",
			zap.Stringer("address", key.address), zap.String("port", h.ports[key.port].Name), zap.String("for", who))
	}
}

// unresolved is how many kept next hops have no MAC.
func (h *hops) unresolved() (n int) {
	for _, hop := range h.known {
		if hop.kept && !hop.valid {
			n++
		}
	}
	return n
}

// worthRenewal is how many retired slots are worth a new route generation, while there are others.
const worthRenewal = 1024

// mustRenew says that slots wait for a new route generation, and that there is need for them.
func (h *hops) mustRenew() bool {
	return len(h.waiting) == 0 && (len(h.retired) >= worthRenewal || len(h.retired) > 0 && h.slots.exhausted())
}

// renewed is told the generation of rules that carries a new route generation: once all workers use it, records look
// their next hops up again before they use them, and the slots retired before are nobody's.
func (h *hops) renewed(generation uint32) {
	if len(h.waiting) == 0 {
		h.waiting, h.retired, h.after = h.retired, nil, generation
	}
}

// reap lets retired slots be used again.
func (h *hops) reap(acknowledged uint32) {
	if len(h.waiting) == 0 || int32(acknowledged-h.after) < 0 {
		return
	}
	for _, slot := range h.waiting {
		h.slots.release(slot)
	}
	h.waiting = nil
}
