package api

import (
	"fmt"
	"net/http"
	"strings"
)

// maxNames is how many right names a wrong one is compared with, and how many of them an error lists.
const (
	maxNames  = 1 << 14
	maxListed = 8
)

// Unknown is the error of a name that is none of the names of its kind ("real"). It proposes one that it may have been
// meant to be, or lists them, or tells where they are listed ("ldctl show real").
func Unknown(kind, name string, names []string, listed string) *Error {
	e := &Error{Status: http.StatusNotFound, Problem: fmt.Sprintf("no %s '%s'", kind, clip(name))}
	near := nearest(name, names)
	switch {
	case near != "":
		e.Mend = "did you mean '" + near + "'?"
	case len(names) == 0:
		e.Mend = "there is none"
	case len(names) <= maxListed:
		e.Mend = "there is " + strings.Join(names, ", ")
	default:
		e.Mend = "list them with " + listed
	}
	return e
}

// nearest returns the name that differs least from text, "" if none is so near that it is likely what was meant: a
// third of the letters, at least one.
func nearest(text string, names []string) string {
	best, found := max(1, len(text)/3)+1, ""
	for _, name := range names[:min(len(names), maxNames)] {
		if len(name) == 0 || len(text) > maxLetters || len(name) > maxLetters || len(name)-len(text) >= best || len(text)-len(name) >= best {
			continue
		}
		if d := distance(text, name); d < best && d < max(len(text), len(name)) {
			best, found = d, name
		}
	}
	return found
}

// maxLetters is the length of the longest names that are compared.
const maxLetters = 64

// distance counts the letters to insert, remove, change, or swap with their neighbour, to make b of a.
func distance(a, b string) int {
	var rows [3][maxLetters + 1]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// clip bounds what a message repeats of a wrong value, and keeps it on one line.
func clip(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if r := []rune(clean); len(r) > maxLetters {
		return string(r[:maxLetters]) + "..."
	}
	return clean
}
