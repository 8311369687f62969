package api

import (
	"fmt"
	"net/http"
	"strings"

	"linedirector/conf"
)

// maxListed is how many right names an error lists.
const maxListed = 8

// Unknown is the error of a name that is none of the names of its kind ("real"). It proposes one that it may have been
// meant to be, or lists them, or tells where they are listed ("ldctl show real").
func Unknown(kind, name string, names []string, listed string) *Error {
	e := &Error{Status: http.StatusNotFound, Problem: fmt.Sprintf("no %s '%s'", kind, clip(name))}
	near, found := conf.Nearest(name, names)
	switch {
	case found:
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

// maxLetters is the length of the longest names that a message repeats whole.
const maxLetters = 64

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
