package render

import (
	"bytes"
	"encoding/json"
	"io"
)

// List writes {"key": [...]} as the control socket does, or the same in YAML, piece by piece. It is whole only after End.
type List struct {
	out   io.Writer
	key   string
	yaml  bool
	begun bool
}

// NewList begins a document in JSON.
func NewList(out io.Writer, key string) *List { return &List{out: out, key: key} }

// NewYAMLList begins a document in YAML.
func NewYAMLList(out io.Writer, key string) *List { return &List{out: out, key: key, yaml: true} }

// Add writes the next members.
func Add[T any](l *List, members []T) error {
	if l.yaml {
		return l.addYAML(members, len(members))
	}
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
	switch {
	case l.yaml && l.begun:
		return nil
	case l.yaml:
		end = l.key + ": []\n"
	case !l.begun:
		end = "{\n  \"" + l.key + "\": []\n}\n"
	}
	_, err := io.WriteString(l.out, end)
	return err
}

// addYAML writes members under the key: the items of a list in block style follow each other, whoever wrote them.
func (l *List) addYAML(members any, n int) error {
	if n == 0 {
		return nil
	}
	var b bytes.Buffer
	if !l.begun {
		l.begun = true
		b.WriteString(l.key + ":\n")
	}
	if err := YAML(&b, members); err != nil {
		return err
	}
	_, err := l.out.Write(b.Bytes())
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
