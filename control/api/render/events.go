package render

import (
	"fmt"
	"io"
	"time"

	"linedirector/control/api"
)

// Event writes an event on one line, its time in the zone given; wide begins with its number.
func Event(out io.Writer, e api.Event, wide bool, zone *time.Location) error {
	text := ""
	if wide {
		text = fmt.Sprintf("%6d  ", e.Seq)
	}
	text += fmt.Sprintf("%s  %-12s %s → %s", e.Time.In(zone).Format("2006-01-02 15:04:05.000"), word(e.Real), word(e.From), word(e.To))
	if e.Cause != "" {
		text += ": " + words(e.Cause)
	}
	if n := e.Numbers.String(); n != "" {
		text += " (" + n + ")"
	}
	_, err := io.WriteString(out, text+"\n")
	return err
}
