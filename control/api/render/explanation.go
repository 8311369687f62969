package render

import (
	"io"
	"strconv"
	"time"

	"linedirector/control/api"
)

var explanationColumns = []column{{}, {}}

var candidateColumns = []column{
	{head: "REAL"},
	{head: "STATE"},
	{head: "WEIGHT", right: true},
	{head: "CONNECTIONS", right: true},
	{head: "TAKES"},
	{head: "SCORE", right: true},
	{head: "WHY"},
}

// Explanation writes what becomes of a packet step by step, in the order in which the director decides, and then the
// reals that it chooses among. SCORE is what the predictor compares: less is better.
func Explanation(out io.Writer, e *api.Explanation) error {
	t := newTable(out, explanationColumns)
	t.headed = true
	t.row("packet", e.Client.String()+" → "+e.To.String()+" "+word(e.Protocol))
	t.row("class", orNone(e.Class))
	t.row("virtual", virtualBy(e))
	t.row("worker", strconv.Itoa(e.Worker))
	t.row("flow", knownFlow(e))
	t.row("sticky", stickyTo(e.Sticky))
	t.row("real", chosen(e))
	if err := t.write(); err != nil || len(e.Reals) == 0 {
		return err
	}
	if _, err := io.WriteString(out, "\n"); err != nil {
		return err
	}
	t = newTable(out, candidateColumns)
	for i := range e.Reals {
		c := &e.Reals[i]
		t.row(word(c.Name), word(c.State), strconv.Itoa(c.Weight), count(c.Connections), yes(c.Takes), score(c.Score), words(c.Why))
	}
	return t.write()
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return word(text)
}

func virtualBy(e *api.Explanation) string {
	if e.Virtual == "" {
		return "none: " + words(e.Rule)
	}
	return word(e.Virtual) + ": " + words(e.Rule)
}

func knownFlow(e *api.Explanation) string {
	f := e.Flow
	switch {
	case f != nil:
		return word(f.Phase) + ", to real " + word(f.Real) + " at " + f.RealEndpoint.String() + ", idle for " + seconds(&f.IdleSeconds)
	case e.Real != "":
		return "none: this packet would open one"
	default:
		return "none"
	}
}

func stickyTo(s *api.Sticky) string {
	if s == nil {
		return "none"
	}
	text := "real " + word(s.Real) + ", for " + client(s.Client) + " in group " + word(s.Group)
	if s.ExpiresInSeconds != nil {
		return text + ", for another " + age(time.Duration(*s.ExpiresInSeconds*float64(time.Second)))
	}
	return text + ", connections open: " + count(s.Connections)
}

func chosen(e *api.Explanation) string {
	if e.Real == "" {
		return "none: " + words(e.Why)
	}
	return word(e.Real) + ": " + words(e.Why)
}

// score is a dash where the predictor does not compare.
func score(v float64) string {
	if v == 0 {
		return "-"
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}
