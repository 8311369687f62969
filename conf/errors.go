package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Error is one thing wrong in a configuration: where, what, and how to mend it.
type Error struct {
	File    string
	Pos            // zero: the file as a whole
	Key     string // dotted path such as virtuals[0].timers.idle; "" for the file as a whole
	Problem string
	Mend    string

	cause error
}

// Error returns one line, "file:line:column: key.path: problem; mend".
func (e Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", e.Line, e.Column)
	}
	if e.Key != "" {
		b.WriteString(": " + e.Key)
	}
	b.WriteString(": " + e.Problem)
	if e.Mend != "" {
		b.WriteString("; " + e.Mend)
	}
	return b.String()
}

// Unwrap returns the operating system's error where there was one.
func (e Error) Unwrap() error { return e.cause }

// Errors is all that was found wrong, in the order of the file.
type Errors []Error

// Error returns a line for each.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i := range e {
		lines[i] = e[i].Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look at each.
func (e Errors) Unwrap() []error {
	all := make([]error, len(e))
	for i := range e {
		all[i] = e[i]
	}
	return all
}

// sort puts errors in the order of the file.
func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// text returns "line:column". It is no String: what embeds Pos would print so.
func (p Pos) text() string { return strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column) }

// maxShown is how many characters of a wrong value a message shows.
const maxShown = 64

// quoted returns text in quotes on one line and of bounded length.
func quoted(text string) string { return strconv.Quote(clipped(text, maxShown)) }

// shown returns text as it stands where that is harmless, else in quotes; of
// bounded length, too.
func shown(text string) string { return plain(clipped(text, maxShown)) }

// plain returns the whole of text, in quotes only where it needs them to stand
// on one line as one word.
func plain(text string) string {
	odd := func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar
	}
	if text == "" || strings.ContainsFunc(text, odd) {
		return strconv.Quote(text)
	}
	return text
}

func clipped(text string, longest int) string {
	n := 0
	for i := range text {
		if n == longest {
			return text[:i] + "..."
		}
		n++
	}
	return text
}
