package render

import (
	"io"
	"net/netip"

	"linedirector/control/api"
)

var stickyColumns = []column{
	{head: "GROUP", least: 12},
	{head: "CLIENT", least: 18},
	{head: "REAL", least: 12},
	{head: "CONNECTIONS", right: true},
	{head: "EXPIRES", right: true},
}

// Sticky writes a table of sticky entries page by page.
type Sticky struct{ table *table }

// NewSticky begins a table. EXPIRES is in how long an entry goes that has no open connection.
func NewSticky(out io.Writer) *Sticky { return &Sticky{newTable(out, stickyColumns)} }

// Page writes the next entries; the first page brings the head.
func (t *Sticky) Page(entries []api.Sticky) error {
	for i := range entries {
		e := &entries[i]
		t.table.row(word(e.Group), client(e.Client), word(e.Real), count(e.Connections), seconds(e.ExpiresInSeconds))
	}
	return t.table.write()
}

// client is a prefix, or the address that it holds alone.
func client(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
