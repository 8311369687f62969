package render

import (
	"bytes"
	"io"

	"linedirector/control/api"
)

// Changes writes changes of a configuration, one a line: + what comes, - what goes, ~ a setting with what it was and what
// it is. Where there is none it says so.
func Changes(out io.Writer, changes []api.Change) error {
	var b bytes.Buffer
	for _, c := range changes {
		b.WriteString(change(c) + "\n")
	}
	if len(changes) == 0 {
		b.WriteString("nothing changes\n")
	}
	_, err := out.Write(b.Bytes())
	return err
}

func change(c api.Change) string {
	of := word(c.Kind)
	if c.Name != "" {
		of += " " + word(c.Name)
	}
	switch {
	case c.Field != "":
		return "~ " + of + " " + word(c.Field) + " " + words(c.From) + " → " + words(c.To)
	case c.From == "" && c.To == "": // it says neither; what changed is all that is known
		return "~ " + of
	case c.From == "":
		return "+ " + of + " " + words(c.To)
	case c.To == "":
		return "- " + of + " " + words(c.From)
	default:
		return "~ " + of + " " + words(c.From) + " → " + words(c.To)
	}
}
