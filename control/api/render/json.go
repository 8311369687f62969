package render

import (
	"bytes"
	"encoding/json"
	"io"
)

// List writes {"key": [...]} as the control socket does, piece by piece. It is whole only after End.
type List struct {
	out   io.Writer
	key   string
	begun bool
}

// NewList begins a document.
func NewList(out io.Writer, key string) *List { return &List{out: out, key: key} }

// Add writes the next members.
func Add[T any](l *List, members []T) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("    ", "  ")
	e.SetEscapeHTML(false)
	for i := range members {
		b.WriteString(l.comma() + "    ")
		if err := e.Encode(&members[i]); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1) // the line's end: a comma may follow
	}
	_, err := l.out.Write(b.Bytes())
	return err
}

// End closes the document.
func (l *List) End() error {
	end := "\n  ]\n}\n"
	if !l.begun {
		end = "{\n  \"" + l.key + "\": []\n}\n"
	}
	_, err := io.WriteString(l.out, end)
	return err
}

// comma is what stands before the next member.
func (l *List) comma() string {
	if l.begun {
		return ",\n"
	}
	l.begun = true
	return "{\n  \"" + l.key + "\": [\n"
}
