package render

import (
	"io"
	"slices"
	"strconv"

	"linedirector/control/api"
)

var workerColumns = []column{
	{head: "WORKER", right: true},
	{head: "CPU", right: true},
	{head: "FLOWS", right: true},
	{head: "CAPACITY", right: true},
	{head: "GUESTS", right: true},
	{head: "FORWARD", right: true},
	{head: "REPLY", right: true},
	{head: "HANDED", right: true},
	{head: "DROPS", right: true},
	{head: "BUSY", right: true},
	{head: "STALL", right: true},
}

var wideWorkerColumns = slices.Concat(workerColumns, []column{
	{head: "FORWARD-BYTES", right: true}, {head: "REPLY-BYTES", right: true},
})

// Workers writes a table of workers. FORWARD and REPLY are packets, HANDED those given to the worker that owns their
// flow, GUESTS copies of flows that another worker owns, STALL the longest time between two polls.
func Workers(out io.Writer, workers []api.Worker, wide bool) error {
	columns := workerColumns
	if wide {
		columns = wideWorkerColumns
	}
	t := newTable(out, columns)
	for i := range workers {
		w := &workers[i]
		cells := []string{
			strconv.Itoa(w.Number), strconv.Itoa(w.CPU), count(w.Flows), count(w.Capacity), count(w.Guests), count(w.ForwardPacketsTotal),
			count(w.ReplyPacketsTotal), count(w.HandedOverTotal), count(w.DropsTotal), share(w.BusyShare), quick(w.LongestStallSeconds),
		}
		if wide {
			cells = append(cells, size(w.ForwardBytesTotal), size(w.ReplyBytesTotal))
		}
		t.row(cells...)
	}
	return t.write()
}
