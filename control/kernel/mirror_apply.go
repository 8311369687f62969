package kernel

import (
	"slices"

	"golang.org/x/sys/unix"
)

// apply puts one message into the tables and says whether links, addresses or routes changed.
func (m *Mirror) apply(t *tables, msg message) bool {
	switch msg.kind {
	case unix.RTM_NEWNEIGH, unix.RTM_DELNEIGH:
		m.applyNeighbour(t, msg)
		return false
	case unix.RTM_NEWROUTE, unix.RTM_DELROUTE:
		return m.applyRoute(t, msg)
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		return m.applyAddress(t, msg)
	case unix.RTM_NEWLINK, unix.RTM_DELLINK:
		return m.applyLink(t, msg)
	case unix.RTM_DELNEXTHOP:
		m.redump = true // its routes went without a word
	}
	return false
}

func (m *Mirror) applyNeighbour(t *tables, msg message) {
	var n neighbourMessage
	if !n.parse(msg.body) {
		return
	}
	if port, ok := m.ports[n.index]; !ok || port == PortLo {
		return
	}
	k := neighbourKey{n.index, n.addr}
	before := t.neighbours[k]
	if msg.kind == unix.RTM_DELNEIGH {
		n.neighbourValue = neighbourValue{}
		delete(t.neighbours, k)
	} else {
		t.neighbours[k] = n.neighbourValue
	}
	if t == m.now && before != n.neighbourValue {
		m.changed[k] = struct{}{}
	}
}

func (m *Mirror) applyAddress(t *tables, msg message) bool {
	var a addressMessage
	if !a.parse(msg.body) {
		return false
	}
	if _, ok := m.ports[a.index]; !ok || a.prefix.Addr().IsLoopback() {
		return false
	}
	_, had := t.addresses[a.addressKey]
	if msg.kind == unix.RTM_DELADDR {
		m.redump = true // routes that preferred it as source went without a word
		delete(t.addresses, a.addressKey)
		return had
	}
	t.addresses[a.addressKey] = struct{}{}
	return !had
}

func (m *Mirror) applyLink(t *tables, msg message) bool {
	var l linkMessage
	if !l.parse(msg.body) {
		return false
	}
	if port, ok := m.ports[l.index]; !ok || port == PortLo {
		return false
	}
	before, had := t.links[l.index]
	if msg.kind == unix.RTM_DELLINK {
		m.redump = true
		delete(t.links, l.index)
		return had
	}
	if before.up && !l.up {
		m.redump = true // its routes went without a word
	}
	t.links[l.index] = l.linkValue
	return before != l.linkValue
}

func (m *Mirror) applyRoute(t *tables, msg message) bool {
	r := &m.route
	if !r.parse(msg.body) || r.table != unix.RT_TABLE_MAIN {
		return false
	}
	list := t.routes[r.routeKey]
	same := func(v routeValue) bool { return slices.EqualFunc(v, r.hops, routeHop.same) }
	if msg.kind == unix.RTM_DELROUTE {
		i := slices.IndexFunc(list, same)
		if i < 0 {
			return false
		}
		t.set(r.routeKey, slices.Delete(slices.Clone(list), i, i+1))
		return true
	}

	before := list
	if msg.flags&unix.NLM_F_REPLACE != 0 && len(list) > 0 {
		// The event does not say what was replaced: of one candidate we know, of several a dump tells.
		m.redump = m.redump || len(list) > 1
		list = list[1:]
	}
	i := slices.IndexFunc(list, same)
	switch {
	case !m.leavesByTap(r):
	case i >= 0: // a dump's entry after its event, or a change of flags
		list = slices.Clone(list)
		list[i] = slices.Clone(r.hops)
	case msg.seq == m.seq && t == m.next, msg.flags&(unix.NLM_F_APPEND|unix.NLM_F_REPLACE) == unix.NLM_F_APPEND:
		list = append(slices.Clone(list), slices.Clone(r.hops))
	default: // the kernel puts a new route before those of the same destination and metric
		list = slices.Insert(slices.Clone(list), 0, routeValue(slices.Clone(r.hops)))
	}
	t.set(r.routeKey, list)
	return !equalRoutes(before, list)
}

// same tells next hops apart by what makes a route; dead or alive is a state of it.
func (h routeHop) same(o routeHop) bool {
	h.dead, o.dead = false, false
	return h == o
}

func (t *tables) set(k routeKey, list []routeValue) {
	if len(list) == 0 {
		delete(t.routes, k)
		return
	}
	t.routes[k] = list
}

func (m *Mirror) leavesByTap(r *routeMessage) bool {
	return r.unicast && slices.ContainsFunc(r.hops, func(h routeHop) bool {
		port, ok := m.ports[h.index]
		return ok && port != PortLo
	})
}
