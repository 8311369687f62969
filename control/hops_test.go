package control

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"linedirector/control/kernel"
	"linedirector/lcore/ruleset"
)

var (
	macOne = [6]byte{2, 0, 0, 0, 1, 1}
	macTwo = [6]byte{2, 0, 0, 0, 1, 2}
)

func newTestHops(t *testing.T) (*hops, *fakeKeeper, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	keeper := &fakeKeeper{}
	return newHops(zap.New(core), ruleset.NewHops(nil), fakePorts(), keeper), keeper, logs
}

func on(port int, address string) hopKey { return hopKey{port, addr(address)} }

func valid(port int, address string, mac [6]byte) []kernel.Neighbour {
	return []kernel.Neighbour{{Port: port, Addr: addr(address), MAC: mac, Valid: true}}
}

func lost(port int, address string) []kernel.Neighbour {
	return []kernel.Neighbour{{Port: port, Addr: addr(address)}}
}

// seen is the slot of an on-link address, and the MAC that workers send to.
func (h *hops) seen(key hopKey) (slot uint16, mac uint64, ok bool) {
	slot = h.table.Neighbour(h.ports[key.port].Device, ipv4(key.address))
	if slot == 0 {
		return 0, 0, false
	}
	hop, ok := h.table.Get(slot)
	return slot, hop.Low & (1<<48 - 1), ok
}

func TestLearnAndLose(t *testing.T) {
	h, _, _ := newTestHops(t)
	client := on(0, "192.0.2.100")
	h.learn(valid(0, "192.0.2.100", macOne))
	slot, mac, ok := h.seen(client)
	if !ok || mac != mac48(macOne) {
		t.Fatalf("slot %d, MAC %x, known %v", slot, mac, ok)
	}
	hop, _ := h.table.Get(slot)
	if want := fakePorts()[0]; hop.Port != want.Device || hop.Low>>48 != mac48(want.MAC)&0xffff || uint64(hop.High) != mac48(want.MAC)>>16 {
		t.Errorf("it leaves as %+v, want port %d and MAC %x", hop, want.Device, mac48(want.MAC))
	}

	h.learn(valid(0, "192.0.2.100", macTwo))
	if again, mac, _ := h.seen(client); again != slot || mac != mac48(macTwo) {
		t.Errorf("with another MAC: slot %d, was %d; MAC %x", again, slot, mac)
	}
	if now, _, _ := h.seen(on(1, "192.0.2.100")); now != 0 {
		t.Error("the address is known on the other port, too")
	}

	h.learn(lost(0, "192.0.2.100"))
	if _, _, ok := h.seen(client); ok || len(h.known) != 0 {
		t.Error("lost, and still known")
	}
	if _, ok := h.table.Get(slot); ok {
		t.Error("records still find the MAC of the lost neighbour")
	}
	h.learn(lost(0, "192.0.2.101")) // never known
	h.learn(valid(0, "192.0.2.100", macOne))
	if again, _, _ := h.seen(client); again == slot {
		t.Error("the slot was given again though records may hold it")
	}
}

// IPv6 neighbours of the taps show in the mirror, too.
func TestLearnsIPv4Only(t *testing.T) {
	h, _, _ := newTestHops(t)
	h.learn(valid(0, "2001:db8::1", macOne))
	h.learn(lost(0, "2001:db8::1"))
	if len(h.known) != 0 {
		t.Error("learned an IPv6 neighbour")
	}
}

func TestKeepAndForget(t *testing.T) {
	h, keeper, _ := newTestHops(t)
	gateway, real := on(1, "10.0.0.254"), on(1, "10.0.0.11")
	h.keep(map[hopKey]string{gateway: "", real: ""})
	equal(t, "first", keeper.asked(), []string{"keep 8 10.0.0.11", "keep 8 10.0.0.254"})
	if n := h.unresolved(); n != 2 {
		t.Errorf("%d unresolved, want 2", n)
	}
	slot := h.slot(gateway)
	h.learn(valid(1, "10.0.0.254", macOne))
	h.learn(valid(1, "10.0.0.11", macTwo))
	if now, _, ok := h.seen(gateway); !ok || now != slot {
		t.Errorf("resolved in slot %d, routes have %d", now, slot)
	}
	h.keep(map[hopKey]string{gateway: "", real: ""})
	equal(t, "again", keeper.asked(), nil)

	// Lost, it keeps its slot, since routes name it, and is asked for again.
	h.learn(lost(1, "10.0.0.254"))
	equal(t, "lost", keeper.asked(), []string{"keep 8 10.0.0.254"})
	if _, ok := h.table.Get(slot); ok || h.slot(gateway) != slot || h.unresolved() != 1 {
		t.Error("lost, the gateway has a MAC, or lost its slot, too")
	}

	// Needed no more: one that still answers stays known, the other goes.
	h.keep(nil)
	equal(t, "forgotten", keeper.asked(), []string{"forget 8 10.0.0.11", "forget 8 10.0.0.254"})
	if _, _, ok := h.seen(real); !ok || h.known[gateway] != nil || h.unresolved() != 0 {
		t.Error("the real is unknown, or the gateway is not")
	}
	h.learn(lost(1, "10.0.0.11"))
	equal(t, "lost and not kept", keeper.asked(), nil)
	if len(h.known) != 0 || len(h.retired) != 2 {
		t.Errorf("%d known, %d retired; want 0 and 2", len(h.known), len(h.retired))
	}
}

func TestKeeperFails(t *testing.T) {
	h, keeper, logs := newTestHops(t)
	keeper.err = fmt.Errorf("no such device")
	h.keep(map[hopKey]string{on(1, "10.0.0.11"): ""})
	h.resolve(on(0, "192.0.2.9"))
	h.keep(nil)
	if n := logs.FilterMessage("next hop not kept").Len(); n != 1 {
		t.Errorf("said %d times that it is not kept: %v", n, logs.All())
	}
}

func TestSilentHopIsNamedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, _, logs := newTestHops(t)
		wanted := map[hopKey]string{on(1, "10.0.0.11"): "real a", on(1, "10.0.0.12"): "real b"}
		h.keep(wanted)
		h.learn(valid(1, "10.0.0.12", macOne))
		complaints := func() int {
			h.complain(wanted, time.Now())
			return logs.FilterMessageSnippet("does not answer").Len()
		}
		time.Sleep(patience - time.Millisecond)
		if complaints() != 0 {
			t.Error("complained before its time")
		}
		time.Sleep(time.Millisecond)
		if first, second := complaints(), complaints(); first != 1 || second != 1 {
			t.Error("want one complaint")
		}
		if e := logs.FilterMessageSnippet("does not answer").All()[0].ContextMap(); e["for"] != "real a" || e["port"] != "inside" {
			t.Errorf("it says %v", e)
		}
		h.learn(valid(1, "10.0.0.11", macOne))
		if logs.FilterMessageSnippet("answers again").Len() != 1 {
			t.Error("did not say that it answers again")
		}
		// A new silence is a new complaint, after its own 3 seconds.
		h.learn(lost(1, "10.0.0.11"))
		if complaints() != 1 {
			t.Error("complained at once of a new silence")
		}
		time.Sleep(patience)
		if complaints() != 2 {
			t.Error("no complaint about a new silence")
		}
	})
}

func TestRetiredSlotsAreReusedAfterTheirGeneration(t *testing.T) {
	h, _, _ := newTestHops(t)
	used := map[uint16]bool{}
	come := func(i int) uint16 {
		a := fmt.Sprintf("192.0.%d.%d", i>>8, i&0xff)
		h.learn(valid(0, a, macOne))
		slot, _, _ := h.seen(on(0, a))
		h.learn(lost(0, a))
		return slot
	}
	for i := range worthRenewal {
		if h.mustRenew() {
			t.Fatalf("a renewal for %d slots", i)
		}
		slot := come(i)
		if used[slot] {
			t.Fatalf("slot %d was given again", slot)
		}
		used[slot] = true
	}
	if !h.mustRenew() {
		t.Fatal("no renewal though enough slots wait")
	}
	h.renewed(7)
	if h.mustRenew() {
		t.Error("another renewal at once")
	}
	late := come(5000) // retired after the renewal: not in it
	h.renewed(8)       // routes changed
	h.reap(6)          // a worker still uses generation 6
	if used[come(5001)] {
		t.Error("a slot was given again before its time")
	}
	h.reap(7)
	if n := len(h.slots.free); n != worthRenewal {
		t.Errorf("%d slots are free, want %d", n, worthRenewal)
	}
	if slot := come(5002); !used[slot] || slot == late {
		t.Errorf("slot %d is none of those that are free", slot)
	}
	h.renewed(9)
	h.reap(9)
	if len(h.retired) != 0 || len(h.waiting) != 0 {
		t.Error("not all came back")
	}
}

func TestSlotsRunOut(t *testing.T) {
	h, _, logs := newTestHops(t)
	h.slots.limit = 3
	for i := range 3 {
		h.learn(valid(0, fmt.Sprintf("192.0.2.%d", 10+i), macOne))
	}
	for i := range 10 {
		h.learn(valid(0, fmt.Sprintf("192.0.2.%d", 20+i), macOne))
	}
	if n := logs.FilterMessageSnippet("not learned").Len(); n != 1 {
		t.Errorf("said so %d times, want once", n)
	}
	if h.slot(on(1, "10.0.0.254")) != 0 || h.mustRenew() {
		t.Error("a fourth slot, or a renewal for none")
	}
	h.keep(map[hopKey]string{on(1, "10.0.0.254"): ""}) // must not fail
	h.learn(lost(0, "192.0.2.10"))
	if !h.mustRenew() {
		t.Fatal("the last slots are worth a renewal, too")
	}
	h.renewed(2)
	h.reap(2)
	h.learn(valid(0, "192.0.2.20", macOne))
	if _, _, ok := h.seen(on(0, "192.0.2.20")); !ok {
		t.Error("the freed slot was not used")
	}
}
