package render

import (
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"linedirector/control/api"
)

var portColumns = []column{
	{head: "PORT"},
	{head: "SIDE"},
	{head: "LINK"},
	{head: "MAC"},
	{head: "RX", right: true},
	{head: "TX", right: true},
	{head: "MISSED", right: true},
	{head: "ERRORS", right: true},
	{head: "ADDRESSES"},
}

var widePortColumns = slices.Concat(portColumns, []column{
	{head: "MTU", right: true},
	{head: "QUEUES", right: true},
	{head: "STEERING"},
	{head: "RX-BYTES", right: true},
	{head: "TX-BYTES", right: true},
	{head: "TX-ERRORS", right: true},
	{head: "NO-MBUF", right: true},
	{head: "DRIVER"},
	{head: "DEVICE"},
})

// Ports writes a table of ports. RX and TX are packets, MISSED those that no descriptor was free for, ERRORS those that
// came damaged, QUEUES those for receiving and sending.
func Ports(out io.Writer, ports []api.Port, wide bool) error {
	columns := portColumns
	if wide {
		columns = widePortColumns
	}
	t := newTable(out, columns)
	for i := range ports {
		p := &ports[i]
		cells := []string{
			word(p.Name), word(p.Side), link(p), word(p.MAC), count(p.RxPacketsTotal), count(p.TxPacketsTotal),
			count(p.RxMissedTotal), count(p.RxErrorsTotal), prefixes(p.Addresses),
		}
		if wide {
			cells = append(cells, strconv.Itoa(p.MTU), strconv.Itoa(p.RxQueues)+"/"+strconv.Itoa(p.TxQueues), word(p.Steering),
				size(p.RxBytesTotal), size(p.TxBytesTotal), count(p.TxErrorsTotal), count(p.RxNoMbufTotal), word(p.Driver), word(p.Device))
		}
		t.row(cells...)
	}
	return t.write()
}

// link is whether a port's link is up, and how fast it is.
func link(p *api.Port) string {
	switch {
	case !p.Up:
		return "down"
	case p.SpeedMbps == 0:
		return "up"
	case p.SpeedMbps >= 1000:
		return short(float64(p.SpeedMbps)/1000) + "G"
	default:
		return count(p.SpeedMbps) + "M"
	}
}

func prefixes(all []netip.Prefix) string {
	if len(all) == 0 {
		return "-"
	}
	out := make([]string, len(all))
	for i, p := range all {
		out[i] = p.String()
	}
	return strings.Join(out, ",")
}
