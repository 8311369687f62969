package forward

import (
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// A client on a port's own link may come before its MAC is known: it need not have asked for ours. The frame that opens
// its flow shows the MAC, and the first answers go there, until the kernel has asked for it by ARP.

const (
	lastHopPlaces  = 1 << 10
	lastHopSeconds = 5 // the kernel asks three times, a second apart
)

// lastHop is where the newest frame of an unresolved client came from.
type lastHop struct {
	mac     packet.MAC // 0: an empty place
	address uint32
	since   uint32 // tick
	port    uint16
}

func lastHopPlace(address uint32) uint32 { return address * 0x9E3779B1 >> 22 }

// learnLastHop notes where the frame that opens a flow came from, if its sender is a neighbour of an unknown MAC.
func (w *Worker) learnLastHop(f *Frame, m *packet.Meta) {
	if mac := packet.SrcMAC(f.Bytes()); !mac.Group() {
		w.lastHops[lastHopPlace(m.Src)] = lastHop{mac, m.Src, w.now, f.Port}
	}
}

// lastHopTo is the way back to an unresolved neighbour, if one of its frames has just shown it.
func (w *Worker) lastHopTo(address uint32) (ruleset.Hop, bool) {
	e := &w.lastHops[lastHopPlace(address)]
	if e.mac == 0 || e.address != address || w.now-e.since > lastHopSeconds*w.second || w.rules.Route(address).Port != e.port {
		return ruleset.Hop{}, false
	}
	src := w.rules.Ports[e.port%ruleset.MaxPorts].MAC
	return ruleset.Hop{Low: uint64(e.mac) | src<<48, High: uint32(src >> 16), Port: e.port}, true
}
