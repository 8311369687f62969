package record

import (
	"fmt"
	"os"
	"strings"
)

// Page is a document, part of which a make target writes: what stands between its two marks.
type Page struct {
	File   string // from the repository's root
	Target string // of make
}

// Begin and End are the marks, whole lines.
func (p Page) Begin() string { return "<!-- written by make " + p.Target + ": begin -->\n" }

// End is the second one.
func (p Page) End() string { return "<!-- written by make " + p.Target + ": end -->\n" }

// Splice returns the document's text with another part between its marks.
func (p Page) Splice(text, part string) (string, error) {
	head, rest, begins := strings.Cut(text, p.Begin())
	_, tail, ends := strings.Cut(rest, p.End())
	if !begins || !ends {
		return "", fmt.Errorf("%s: the lines %q and %q must stand in it, in this order",
			p.File, strings.TrimSpace(p.Begin()), strings.TrimSpace(p.End()))
	}
	return head + p.Begin() + "\n" + part + "\n" + p.End() + tail, nil
}

// Write puts a part into the document's file.
func (p Page) Write(part string) error {
	old, err := os.ReadFile(p.File)
	if err != nil {
		return err
	}
	text, err := p.Splice(string(old), part)
	if err != nil {
		return err
	}
	return Write(p.File, []byte(text))
}

// Write writes a file, and tells a person so.
func Write(file string, text []byte) error {
	fmt.Fprintf(os.Stderr, "# writing %s (%d kB)\n", file, (len(text)+1023)/1024)
	return os.WriteFile(file, text, 0o644)
}
