package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Error is what the server answers where it cannot do what was asked.
type Error struct {
	Status  int    `json:"-"` // HTTP's; 0 is taken for 409, a conflict with what is
	Problem string `json:"error"`
	Mend    string `json:"mend,omitempty"`
}

// Error returns one line, "problem; mend"; where the problem has several, the mend is the last.
func (e *Error) Error() string {
	switch {
	case e.Mend == "":
		return e.Problem
	case strings.Contains(e.Problem, "\n"):
		return e.Problem + "\n" + e.Mend
	default:
		return e.Problem + "; " + e.Mend
	}
}

var errClosing = &Error{Status: http.StatusServiceUnavailable, Problem: "the director is stopping", Mend: "ask again when it runs"}

// wrong is a request that makes no sense.
func wrong(mend, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Problem: fmt.Sprintf(format, args...), Mend: mend}
}

// fail answers with an error.
func fail(w http.ResponseWriter, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Status: http.StatusInternalServerError, Problem: err.Error()}
	}
	status := e.Status
	if status == 0 {
		status = http.StatusConflict
	}
	answer(w, status, e)
}

// answer writes a document, laid out for people. The client may be gone: then nobody misses it.
func answer(w http.ResponseWriter, status int, document any) { write(w, status, document, "  ") }

// A page of more members is read by a program, and there may be a thousand pages: laid out for people, one takes almost four times
// as long to write, and is two fifths longer (BenchmarkPage).
const readable = 100

// answerPage answers with a page of so many members.
func answerPage(w http.ResponseWriter, page any, members int) {
	indent := "  "
	if members > readable {
		indent = ""
	}
	write(w, http.StatusOK, page, indent)
}

func write(w http.ResponseWriter, status int, document any, indent string) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false) // nothing here is HTML
	if err := e.Encode(document); err != nil {
		status = http.StatusInternalServerError
		text.Reset()
		text.WriteString(`{"error": "the answer cannot be written as JSON"}` + "\n")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}
