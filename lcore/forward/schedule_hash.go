package forward

import (
	"linedirector/lcore/packet"
	"linedirector/lcore/ruleset"
)

// walk is how many places of its table a client goes on, at most, for each member of the tier: far enough to meet, but
// for one in a thousand, every one of them.
const walk = 8

// hashed is the member that a client always gets, by the tier's table. One that cannot take the connection leaves it to
// who has the table's next place: no other client comes to another real for that, and this one's next is always the same.
func (w *Worker) hashed(m *packet.Meta, t *ruleset.Tier, members []ruleset.Member, except uint16) uint32 {
	client := uint64(m.Src)
	if t.ByPort {
		client = client<<16 | uint64(m.SrcPort)
	}
	hash := ruleset.Scatter(client)
	table, places := w.rules.Table(t), []uint16(nil)
	at := below(uint32(hash>>32), uint32(len(table)))
	if first := &members[table[at]]; first.Ramping && hash&(wholeShare-1) >= w.share(first) {
		// Slow start brings clients over one by one. The others stay where they were while this member was away.
		if before, of := w.rules.Settled(t); before != nil {
			table, places = before, of
		}
	}
	chosen := uint32(table[at])
	for range min(len(table), walk*len(members)) {
		chosen = uint32(table[at])
		if places != nil {
			chosen = uint32(places[chosen])
		}
		if m := &members[chosen]; m.StandIn != 0 || w.takes(m, except) {
			break // of a full one who has a backup the backup is next
		}
		if at++; at == uint32(len(table)) {
			at = 0
		}
	}
	return chosen
}
