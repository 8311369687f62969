package control

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"linedirector/control/kernel"
)

// with is the kernel's state with some neighbours more.
func with(neighbours ...[]kernel.Neighbour) kernel.State {
	state := kernelOf()
	for _, n := range neighbours {
		state.Neighbours = append(state.Neighbours, n...)
	}
	return state
}

// Next hops keep their slots, with their MACs, as long as the kernel still has them.
func TestTakeOverOfHops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, _ := busy(t)
		slots := map[hopKey]uint16{}
		for key, n := range l.hops.known {
			slots[key] = n.slot
		}
		client, gateway, real := on(0, "192.0.2.100"), on(1, "10.0.0.254"), on(1, "10.0.0.11")
		gone := on(0, "192.0.2.102")
		lastSlot := l.hops.slots.highest
		l.die()

		// A neighbour that was learned and lost with nobody's leave left its slot to flow records.
		l.hops.learn(valid(0, "192.0.2.103", macOne))
		l.hops.learn(lost(0, "192.0.2.103"))
		// One that a device had which is none of ours any more.
		l.table.SetNeighbour(9, ip("192.0.2.104"), 60)
		l.mirror.set(with(valid(0, "192.0.2.100", macOne), valid(1, "10.0.0.254", macOne), lost(1, "10.0.0.11")))
		n := l.succeed(t)

		for _, key := range []hopKey{client, gateway, real} {
			if slot, _, _ := n.hops.seen(key); slot != slots[key] || slot == 0 {
				t.Errorf("%v has slot %d, had %d", key, slot, slots[key])
			}
		}
		if _, mac, ok := n.hops.seen(client); !ok || mac != mac48(macOne) {
			t.Errorf("the client is at %x, %v", mac, ok)
		}
		if _, mac, ok := n.hops.seen(gateway); !ok || mac != mac48(macOne) {
			t.Errorf("the gateway, which has another MAC now, is at %x, %v", mac, ok)
		}
		if _, _, ok := n.hops.seen(real); ok || !n.hops.known[real].kept {
			t.Error("the kernel lost the real's MAC, and workers did not, or nobody asks for it")
		}
		if slot, _, _ := n.hops.seen(gone); slot != 0 || n.table.Neighbour(9, ip("192.0.2.104")) != 0 {
			t.Error("what the kernel has lost is still there")
		}
		if hop, ok := n.table.Get(slots[gone]); ok {
			t.Errorf("flow records still find the lost one, at %+v", hop)
		}
		if asked := slices.Compact(n.keeper.asked()); len(asked) != len(n.needed) {
			t.Errorf("asked the kernel for %q, needed are %d", asked, len(n.needed))
		}

		// No slot is given again that a record of old rules may hold.
		come := func(address string) (slot uint16) {
			n.mirror.events <- valid(0, address, macTwo)
			synctest.Wait()
			slot, _, _ = n.hops.seen(on(0, address))
			return slot
		}
		if slot := come("192.0.2.110"); uint32(slot) <= lastSlot+1 || slot == 60 {
			t.Errorf("slot %d was given again; up to %d and 60 were given", slot, lastSlot+1)
		}
		n.use()
		time.Sleep(2 * time.Second)
		if slot := come("192.0.2.111"); uint32(slot) > lastSlot+1 && slot != 60 {
			t.Errorf("slot %d is a new one, though others are free again", slot)
		}
		used := map[uint16]hopKey{}
		for key, hop := range n.hops.known {
			if at, twice := used[hop.slot]; twice {
				t.Errorf("%v and %v have slot %d", key, at, hop.slot)
			}
			used[hop.slot] = key
		}
	})
}

// A gateway that never answered has a slot, too, and rules have it.
func TestTakeOverOfSilentGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bear(t, estate)
		slot, _, ok := l.hops.seen(on(1, "10.0.0.254"))
		l.die()
		n := l.succeed(t)
		if again, _, _ := n.hops.seen(on(1, "10.0.0.254")); again != slot || slot == 0 || ok {
			t.Errorf("slot %d, was %d, %v", again, slot, ok)
		}
		if way := n.rules().Route(ip("10.9.0.17")); way.Hop != slot {
			t.Errorf("the route leads to slot %d, want %d", way.Hop, slot)
		}
		sameRules(t, n.rig, l.rig)
		// And one that is needed no more when the successor comes is let go.
		n.die()
		state := kernelOf()
		state.Routes = state.Routes[:1]
		n.mirror.set(state)
		last := n.succeed(t)
		if slot, _, _ := last.hops.seen(on(1, "10.0.0.254")); slot != 0 {
			t.Error("a gateway that is no more has a slot")
		}
	})
}
