// Package render writes what the control socket answers for people: tables, and lines of events.
package render

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// gap parts two columns.
const gap = "  "

// column is one column of a table. least keeps a table that is written in pieces from becoming wider half way.
type column struct {
	head  string
	right bool // numbers
	least int
}

// table aligns rows. It may be written in pieces: the head comes with the first.
type table struct {
	out     io.Writer
	columns []column
	widths  []int
	rows    [][]string
	headed  bool
}

func newTable(out io.Writer, columns []column) *table {
	t := &table{out: out, columns: columns, widths: make([]int, len(columns))}
	for i, c := range columns {
		t.widths[i] = max(len(c.head), c.least)
	}
	return t
}

// row adds a row of as many cells as there are columns.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
	}
	t.rows = append(t.rows, cells)
}

// write writes what was added since the last time.
func (t *table) write() error {
	var b bytes.Buffer
	if !t.headed {
		t.headed = true
		heads := make([]string, len(t.columns))
		for i, c := range t.columns {
			heads[i] = c.head
		}
		t.line(&b, heads)
	}
	for _, cells := range t.rows {
		t.line(&b, cells)
	}
	t.rows = t.rows[:0]
	_, err := t.out.Write(b.Bytes())
	return err
}

// line writes a row without blanks at its end.
func (t *table) line(b *bytes.Buffer, cells []string) {
	blanks := 0
	for i, cell := range cells {
		fill := t.widths[i] - utf8.RuneCountInString(cell)
		if t.columns[i].right {
			blanks, fill = blanks+fill, 0
		}
		b.WriteString(strings.Repeat(" ", blanks) + cell)
		blanks = fill + len(gap)
	}
	b.WriteByte('\n')
}

// word is text of the operator's as one word: in quotes where it would not be one. Empty text is a dash.
func word(text string) string {
	if text == "" {
		return "-"
	}
	return line(text, unicode.IsSpace)
}

// words is text of several words, on one line.
func words(text string) string {
	if text == "" {
		return "-"
	}
	return line(text, func(rune) bool { return false })
}

func line(text string, odd func(rune) bool) string {
	if strings.ContainsFunc(text, func(r rune) bool { return odd(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
		return strconv.Quote(text)
	}
	return text
}

// list is names with commas between.
func list(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = word(name)
	}
	return strings.Join(out, ",")
}
