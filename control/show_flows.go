package control

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"linedirector/conf"
	"linedirector/control/api"
)

const (
	flowPiece = 512 // flows that are read in one go
	flowReads = 256 // pieces that one page takes at most: a query that picks few answers with a short page
)

// cursor is a place in the list of all flows.
type cursor struct {
	worker int
	record uint32
}

func (c cursor) String() string { return fmt.Sprintf("%d:%d", c.worker, c.record) }

func (d *Director) parseCursor(text string) (c cursor, err error) {
	if text == "" {
		return c, nil
	}
	worker, record, _ := strings.Cut(text, ":")
	number, err1 := strconv.ParseUint(worker, 10, 16)
	at, err2 := strconv.ParseUint(record, 10, 32)
	if err1 != nil || err2 != nil || int(number) >= len(d.workers.Counts()) {
		return c, &api.Error{Status: http.StatusBadRequest, Problem: "the cursor is none of this director's", Mend: "give next of the page before"}
	}
	return cursor{int(number), uint32(at)}, nil
}

// Flows returns a page of the flows that q picks. It reads records in pieces, and locks the rules only while it looks
// names up.
func (d *Director) Flows(ctx context.Context, q api.FlowQuery) (page api.FlowPage, err error) {
	at, err := d.parseCursor(q.Cursor)
	if err != nil {
		return page, err
	}
	names := d.flowNames()
	buffer := make([]Flow, flowPiece)
	for range flowReads {
		room := min(flowPiece, q.Limit-len(page.Flows))
		if room <= 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return page, err
		}
		n, next, err := d.workers.Flows(at.worker, at.record, buffer[:room])
		if err != nil {
			return page, err
		}
		for i := range buffer[:n] {
			if f := d.flow(&buffer[i], at.worker, names); picks(&q, &f) {
				page.Flows = append(page.Flows, f)
			}
		}
		if at.record = next; next == 0 {
			if at.worker++; at.worker == len(d.workers.Counts()) {
				return page, nil
			}
		}
	}
	page.Next = at.String()
	return page, nil
}

// slotNames are the names of what has a slot, by slot.
type slotNames struct {
	generation      uint32 // of the rules
	virtuals, reals []string
}

// flowNames are kept from page to page, as long as the rules stay the same.
func (d *Director) flowNames() *slotNames {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := d.named; n != nil && n.generation == d.generation {
		return n
	}
	o := d.objects
	n := &slotNames{d.generation, make([]string, o.virtualSlots.highest+1), make([]string, o.realSlots.highest+1)}
	for _, v := range o.virtuals {
		n.virtuals[v.slot] = v.conf.Name
	}
	for _, r := range o.reals {
		n.reals[r.slot] = r.conf.Name
	}
	d.named = n
	return n
}

// of is the name in a slot; "" where nothing is: a flow's object may have come after the names were gathered.
func of(names []string, slot uint16) string {
	if int(slot) >= len(names) {
		return ""
	}
	return names[slot]
}

func (e Endpoint) addrPort() netip.AddrPort { return netip.AddrPortFrom(fromIPv4(e.Address), e.Port) }

func (d *Director) flow(f *Flow, worker int, names *slotNames) api.Flow {
	return api.Flow{
		Client: f.Client.addrPort(), VirtualEndpoint: f.Virtual.addrPort(), RealEndpoint: f.Real.addrPort(),
		Virtual: of(names.virtuals, f.VirtualSlot), Real: of(names.reals, f.RealSlot),
		Protocol: conf.Protocol(f.Protocol).String(), Phase: f.Phase,
		IdleSeconds: d.clock.elapsed(f.Idle).Seconds(), SYNs: int(f.SYNs),
		ForwardBytes: f.ForwardBytes, ReplyBytes: f.ReplyBytes, Worker: worker,
	}
}

func picks(q *api.FlowQuery, f *api.Flow) bool {
	return (q.Virtual == "" || q.Virtual == f.Virtual) && (q.Real == "" || q.Real == f.Real) &&
		(q.Phase == "" || q.Phase == f.Phase) && (!q.Client.IsValid() || q.Client.Contains(f.Client.Addr()))
}
