package forward

import (
	"testing"

	"linedirector/lcore/packet"
)

// neighbourClient is on the clients' own link; nobody knows its MAC.
const neighbourClient = "192.0.2.77:5000"

// TestLastHop: the first answers to a client whose MAC is not known go where its SYN came from, for as long as the
// kernel takes to ask; then to what the kernel has found, or nowhere.
func TestLastHop(t *testing.T) {
	w := newWorld(t, 100, nil)
	answer := func() (Frame, uint64) {
		before := w.live.drops[packet.NoNeighbour]
		frames := []Frame{frameOf(inside, fromReal(1, "SA").to(neighbourClient).in(t))}
		w.Burst(frames, uint64(w.time))
		return frames[0], w.live.drops[packet.NoNeighbour] - before
	}
	w.run(frameOf(outside, fromClient("S").from(neighbourClient).in(t)))
	if port, address, ok := w.wants.Take(); !ok || port != outside || address != 0xc000024d {
		t.Errorf("the worker asks for %v %x %v", port, address, ok)
	}

	f, dropped := answer()
	if f.Verdict != Send || f.Out != outside || dropped != 0 || packet.DstMAC(f.Bytes()) != packet.MACFrom(gatewayMAC) ||
		packet.SrcMAC(f.Bytes()) != packet.MACFrom(outsideMAC) {
		t.Errorf("first answer: verdict %d out %d, %d dropped, % x", f.Verdict, f.Out, dropped, f.Bytes()[:12])
	}

	w.time += (lastHopSeconds + 1) * second
	if f, dropped := answer(); f.Verdict != Drop || dropped != 1 {
		t.Errorf("the kernel had its time: verdict %d, %d dropped", f.Verdict, dropped)
	}

	found := [6]byte{2, 0, 0, 0, 0, 0x77}
	w.hops.Set(9, uint64(packet.MACFrom(found)), uint64(packet.MACFrom(outsideMAC)), outside)
	w.hops.SetNeighbour(outside, 0xc000024d, 9)
	if f, _ := answer(); f.Verdict != Send || packet.DstMAC(f.Bytes()) != packet.MACFrom(found) {
		t.Errorf("the kernel has found it: verdict %d, % x", f.Verdict, f.Bytes()[:12])
	}
}

// TestUDPFromUnknownNeighbours: the kernel is spared what it could not answer, and asked for the neighbour.
func TestUDPFromUnknownNeighbours(t *testing.T) {
	w := newWorld(t, 100, nil)
	send := func() Verdict {
		frames := []Frame{frameOf(outside, fromClient("u").from(neighbourClient).to("192.0.2.1:161").in(t))}
		w.Burst(frames, uint64(w.time))
		return frames[0].Verdict
	}
	if v := send(); v != Drop || w.live.drops[packet.PuntRest] != 1 {
		t.Errorf("verdict %d, %d dropped", v, w.live.drops[packet.PuntRest])
	}
	if _, address, ok := w.wants.Take(); !ok || address != 0xc000024d {
		t.Errorf("the worker asks for %x %v", address, ok)
	}
	w.hops.Set(9, 1<<40|2, uint64(packet.MACFrom(outsideMAC)), outside)
	w.hops.SetNeighbour(outside, 0xc000024d, 9)
	if v := send(); v != Punt {
		t.Errorf("a known neighbour's: verdict %d", v)
	}
}
