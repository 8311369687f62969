package render

import (
	"fmt"
	"io"
	"time"

	"linedirector/control/api"
	"linedirector/control/events"
)

// Event writes an event on one line, its time in the zone given; wide begins with its number.
func Event(out io.Writer, e api.Event, wide bool, zone *time.Location) error {
	text := ""
	if wide {
		text = fmt.Sprintf("%6d  ", e.Seq)
	}
	text += e.Time.In(zone).Format("2006-01-02 15:04:05.000") + "  "
	switch {
	case e.Kind != "" && e.Kind != events.State:
		text += words(e.Cause) // of no real
	default:
		text += fmt.Sprintf("%-12s %s → %s", word(e.Real), word(e.From), word(e.To))
		if e.Cause != "" {
			text += ": " + words(e.Cause)
		}
	}
	if n := e.Numbers.String(); n != "" {
		text += " (" + n + ")"
	}
	_, err := io.WriteString(out, text+"\n")
	return err
}
