package forward

import (
	"linedirector/flowtable"
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// route is the next-hop slot towards an address. An on-link address that is not known yet is asked for.
func (w *Worker) route(address uint32) (uint16, packet.DropCause) {
	r := w.rules.Route(address)
	if r.Hop != 0 {
		return r.Hop, packet.None
	}
	if r.Port == ruleset.NoPort {
		return 0, packet.NoRoute
	}
	if slot := w.hops.Neighbour(r.Port, address); slot != 0 {
		return slot, packet.None
	}
	w.wants.ask(r.Port, address)
	return 0, packet.NoNeighbour
}

// routeFlow looks a flow's next hops up under the present rules.
func (w *Worker) routeFlow(r *flowtable.Record) {
	r.ToReal, _ = w.route(r.Real)
	r.ToClient, _ = w.route(r.Client)
	r.RouteGeneration = w.rules.RouteGeneration
}

// rerouteFlow tries again when the next hop in one direction was not known, and says why it still is not.
func (w *Worker) rerouteFlow(r *flowtable.Record, d flowtable.Direction) (ruleset.Hop, packet.DropCause) {
	slot, address := &r.ToReal, r.Real
	if d == flowtable.Reply {
		slot, address = &r.ToClient, r.Client
	}
	var cause packet.DropCause
	*slot, cause = w.route(address)
	hop, ok := w.hops.Get(*slot)
	if !ok && cause == packet.None {
		cause = packet.NoNeighbour
	}
	if cause == packet.NoNeighbour && d == flowtable.Reply {
		if last, ok := w.lastHopTo(address); ok {
			return last, packet.None
		}
	}
	return hop, cause
}
