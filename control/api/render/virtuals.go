package render

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"linedirector/control/api"
)

var virtualColumns = []column{
	{head: "VIRTUAL"},
	{head: "ADDRESS"},
	{head: "PROTOCOL"},
	{head: "PREDICTOR"},
	{head: "CONNECTIONS", right: true},
	{head: "HALF-OPEN", right: true},
	{head: "OPENED", right: true},
	{head: "REALS", right: true},
	{head: "ACTIVE"},
}

var wideVirtualColumns = slices.Concat(virtualColumns, []column{
	{head: "CLASS"}, {head: "STICKY"}, {head: "BACKUP"}, {head: "SYNGUARD", right: true}, {head: "NO-REAL", right: true}, {head: "STATES"},
})

// Virtuals writes a table of virtuals. REALS is those in service of all; ACTIVE is who takes new connections: own, the
// backup virtual's name, or none. STATES names the reals, with weights other than 1 and states other than in-service.
func Virtuals(out io.Writer, virtuals []api.Virtual, wide bool) error {
	columns := virtualColumns
	if wide {
		columns = wideVirtualColumns
	}
	t := newTable(out, columns)
	for i := range virtuals {
		v := &virtuals[i]
		cells := []string{
			word(v.Name), endpoint(v.Address, v.Port), word(v.Protocol), word(v.Predictor), count(v.Connections),
			count(v.HalfOpen), count(v.OpenedTotal), inService(v.Reals), active(v),
		}
		if wide {
			cells = append(cells, word(v.Class), sticky(v.Sticky), word(v.Backup), limit(v.SynGuard), count(v.NoRealTotal), realStates(v.Reals))
		}
		t.row(cells...)
	}
	return t.write()
}

func inService(reals []api.VirtualReal) string {
	n := 0
	for _, r := range reals {
		if r.State == api.InService {
			n++
		}
	}
	return strconv.Itoa(n) + "/" + strconv.Itoa(len(reals))
}

func active(v *api.Virtual) string {
	switch {
	case v.Draining:
		return "draining"
	case v.Active.Tier == api.TierBackup:
		return word(v.Active.Virtual)
	default:
		return word(v.Active.Tier)
	}
}

// sticky is how long an entry lasts, for which part of a client's address, and with whom it is shared.
func sticky(s *api.StickyRule) string {
	if s == nil {
		return "-"
	}
	text := age(time.Duration(s.TimerSeconds*float64(time.Second))) + "/" + strconv.Itoa(s.Prefix)
	if s.Buddies != "" {
		text += "," + word(s.Buddies)
	}
	return text
}

// realStates names weight and state only where they are not what they mostly are.
func realStates(reals []api.VirtualReal) string {
	if len(reals) == 0 {
		return "-"
	}
	out := make([]string, len(reals))
	for i, r := range reals {
		out[i] = word(r.Name)
		if r.Weight != 1 {
			out[i] += "×" + strconv.Itoa(r.Weight)
		}
		if r.State != api.InService {
			out[i] += ":" + word(r.State)
		}
	}
	return strings.Join(out, ",")
}
