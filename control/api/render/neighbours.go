package render

import (
	"io"

	"linedirector/control/api"
)

var neighbourColumns = []column{{head: "ADDRESS"}, {head: "PORT"}, {head: "MAC"}, {head: "KEPT"}, {head: "FOR"}}

// Neighbours writes a table of next hops. MAC is a dash where none has answered, KEPT says whether it is resolved before
// it is needed.
func Neighbours(out io.Writer, neighbours []api.Neighbour) error {
	t := newTable(out, neighbourColumns)
	for i := range neighbours {
		n := &neighbours[i]
		t.row(n.Address.String(), word(n.Port), word(n.MAC), yes(n.Kept), words(n.For))
	}
	return t.write()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
