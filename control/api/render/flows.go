package render

import (
	"io"
	"slices"
	"strconv"

	"linedirector/control/api"
)

var flowColumns = []column{
	{head: "CLIENT", least: 21},
	{head: "VIRTUAL", least: 18},
	{head: "REAL", least: 18},
	{head: "PROTOCOL"},
	{head: "PHASE", least: 11},
	{head: "AGE", right: true, least: 4},
	{head: "IDLE", right: true},
	{head: "SYNS", right: true},
}

var wideFlowColumns = slices.Concat(flowColumns, []column{
	{head: "FORWARD", right: true}, {head: "REPLY", right: true}, {head: "WORKER", right: true}, {head: "VIRTUAL-NAME"}, {head: "REAL-NAME"},
})

// Flows writes a table of flows page by page.
type Flows struct {
	table *table
	wide  bool
}

// NewFlows begins a table. SYNS is unanswered SYNs of a half-open flow; FORWARD and REPLY are bytes.
func NewFlows(out io.Writer, wide bool) *Flows {
	columns := flowColumns
	if wide {
		columns = wideFlowColumns
	}
	return &Flows{newTable(out, columns), wide}
}

// Page writes the next flows; the first page brings the head.
func (t *Flows) Page(flows []api.Flow) error {
	for i := range flows {
		f := &flows[i]
		cells := []string{
			f.Client.String(), f.VirtualEndpoint.String(), f.RealEndpoint.String(), word(f.Protocol), word(f.Phase),
			seconds(f.AgeSeconds), seconds(&f.IdleSeconds), limit(uint64(f.SYNs)),
		}
		if t.wide {
			cells = append(cells, size(f.ForwardBytes), size(f.ReplyBytes), strconv.Itoa(f.Worker), word(f.Virtual), word(f.Real))
		}
		t.table.row(cells...)
	}
	return t.table.write()
}
