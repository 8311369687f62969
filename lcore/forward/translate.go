package forward

import (
	"errors"

	"linedirector/flowtable"
	"linedirector/lcore/packet"
)

// Two virtuals, or two ports of one, may have the same real's endpoint. A client that opens a connection to each from the
// same port of its own then has one reply tuple for both, and the real's packets could not be told apart. Where no other
// real takes the later one, its real is shown another port of the client's (SPEC.md section 3).
//
// The port leads to the same worker as the client's own, so that replies come to the flow's owner; under any number of
// workers, so that another director finds it as well.

// Ports that a client's may be translated to, and how many are tried: below the first, servers take a peer for a privileged
// one.
const (
	firstTranslated  = 1024
	mostTranslations = 256
)

// translate has a flow's real see another port of the client's, one that makes the reply tuple free. It returns false, and
// changes nothing, if there is none among those tried.
func (w *Worker) translate(r *flowtable.Record) bool {
	// Not all begin at the same place, or each would have to go by all before it.
	start := (r.Virtual ^ uint32(r.VirtualPort)<<16 ^ uint32(r.ClientPort)) * 0x9E3779B1 >> 16
	moved := *r
	for n := range uint32(mostTranslations) {
		port := w.steering.Alike(r.ClientPort, start+n)
		if port < firstTranslated || port == r.ClientPort {
			continue
		}
		moved.Translate(port)
		if reply := moved.ReplyKey(); w.table.Find(&reply, w.table.Hash(&reply)) == 0 {
			moved.L4Diff = packet.PortDiff(r.L4Diff, r.ClientPort, port)
			*r = moved
			return true
		}
	}
	return false
}

// openTranslated is open for a connection whose reply tuple other flows have at all reals: it goes to the member that was
// scheduled first.
func (w *Worker) openTranslated(i int, slot uint16, at uint32) (flowtable.Ref, packet.DropCause) {
	to := w.rules.Member(at)
	if !w.counts.Reserve(to.Real, w.most(to)) {
		return 0, packet.TupleTaken
	}
	r := w.record(i, slot, to)
	if !w.translate(&r) {
		w.counts.Release(to.Real)
		return 0, packet.TupleTaken
	}
	n, err := w.enterRecord(i, &r)
	if err != nil {
		w.counts.Release(to.Real)
		if errors.Is(err, flowtable.ErrFull) {
			return 0, packet.TableFull
		}
		return 0, packet.TupleTaken
	}
	return flowtable.Ref(n << 1), packet.None
}

// countTranslated counts a connection that was opened or moved, if it is translated.
func (w *Worker) countTranslated(r *flowtable.Record) {
	if r.Flags&flowtable.Translated != 0 {
		w.live.translated++
	}
}
