package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// topic is that of the finding, with the port where it is about one.
func (f *Finding) topic() string {
	if f.Port == "" {
		return f.Topic
	}
	return f.Topic + " of " + f.Port
}

// text is what is, and what to do.
func (f *Finding) text() string {
	if f.Do == "" {
		return f.What
	}
	return f.What + "; " + f.Do
}

// Text writes a line for each finding, in columns. Where width is not 0, that of a terminal, long ones go on below
// themselves.
func Text(out io.Writer, found []Finding, width int) error {
	const level = len(Problem)
	topic := 0
	for i := range found {
		topic = max(topic, utf8.RuneCountInString(found[i].topic())+1)
	}
	indent := level + 2 + topic + 1
	var b strings.Builder
	for i := range found {
		f := &found[i]
		fmt.Fprintf(&b, "%-*s  %-*s ", level, f.Level, topic, f.topic()+":")
		b.WriteString(wrapped(f.text(), width, indent) + "\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// wrapped breaks text between words, for lines that begin at indent and end before width.
func wrapped(text string, width, indent int) string {
	room := width - indent
	if room < 30 {
		return text // no terminal, or one too narrow for columns
	}
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case used == 0:
		case used+1+n > room:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = 0
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}

// JSON writes {"findings": [...]}.
func JSON(out io.Writer, found []Finding) error {
	if found == nil {
		found = []Finding{}
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(map[string][]Finding{"findings": found})
}
