package render

import (
	"io"
	"slices"
	"time"

	"linedirector/control/api"
)

var realColumns = []column{
	{head: "REAL"},
	{head: "ADDRESS"},
	{head: "STATE"},
	{head: "CONNECTIONS", right: true},
	{head: "THRESHOLD", right: true},
	{head: "SILENCE", right: true},
	{head: "RESET", right: true},
	{head: "RESPONSE", right: true},
	{head: "SINCE", right: true},
}

var wideRealColumns = slices.Concat(realColumns, []column{
	{head: "OPENED", right: true},
	{head: "MAXCONNS", right: true},
	{head: "WEIGHT", right: true},
	{head: "LOAD", right: true},
	{head: "REASSIGNED", right: true},
	{head: "RETRY", right: true},
	{head: "SLOWSTART", right: true},
	{head: "PROBE"},
	{head: "BACKUP"},
	{head: "VIRTUALS"},
	{head: "SET-LIVE"},
	{head: "CAUSE"},
})

// Reals writes a table of reals as they are at now. THRESHOLD is consecutive ditched connections of as many as fail the
// real; SILENCE and RESET are totals; SET-LIVE names what an operator set other than the configuration says.
func Reals(out io.Writer, reals []api.Real, wide bool, now time.Time) error {
	columns := realColumns
	if wide {
		columns = wideRealColumns
	}
	t := newTable(out, columns)
	for i := range reals {
		r := &reals[i]
		cells := []string{
			word(r.Name), endpoint(r.Address, r.Port), word(r.Shown()), count(r.Connections), count(r.Ditched) + "/" + count(r.Threshold),
			count(r.DitchedBySilenceTotal), count(r.DitchedByResetTotal), response(r.ResponseTimeSeconds), since(r.Since, now),
		}
		if wide {
			cells = append(cells, count(r.OpenedTotal), limit(r.MaxConns), count(uint64(r.Weight)), limit(uint64(r.Load)), count(r.ReassignedTotal),
				seconds(r.RetryInSeconds), seconds(r.SlowStartLeftSeconds), probe(r.Probe), word(r.Backup), list(r.Virtuals), list(r.Overrides), words(r.Cause))
		}
		t.row(cells...)
	}
	return t.write()
}

func response(s *float64) string {
	if s == nil {
		return "-"
	}
	return quick(*s)
}

func probe(p *api.Probe) string {
	switch {
	case p == nil:
		return "-"
	case p.Up:
		return word(p.Type) + " up"
	case p.Cause == "":
		return word(p.Type) + " down"
	default:
		return word(p.Type) + " down: " + words(p.Cause)
	}
}
