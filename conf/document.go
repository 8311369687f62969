package conf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

const (
	// The configuration nests 5 deep.
	maxDepth = 16
	// The decoder takes a microsecond and 270 bytes for each value.
	maxValues = 4 << 20
)

// document reads text as one YAML document and returns its root; on an error
// it returns nil and the reason.
func document(name string, text []byte) (*yaml.Node, Errors) {
	fail := func(at Pos, problem, mend string) (*yaml.Node, Errors) {
		return nil, Errors{{File: plain(name), Pos: at, Problem: problem, Mend: mend}}
	}
	if len(text) > MaxFile {
		return fail(Pos{}, fmt.Sprintf("the file is larger than %d MiB", MaxFile>>20), shareLists)
	}
	if at, r, ok := unreadableChar(text); !ok {
		if r == utf8.RuneError {
			return fail(at, "this is not UTF-8", "save the file as UTF-8 text")
		}
		return fail(at, fmt.Sprintf("the control character %U is not allowed", r), "remove it")
	}
	if marks(text) > maxValues {
		return fail(Pos{}, "the file holds too many values", shareLists)
	}

	loader, err := yaml.NewLoader(bytes.NewReader(spaced(text)),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		return fail(Pos{}, err.Error(), "")
	}
	var first, second yaml.Node
	err = loader.Load(&first)
	if err == nil && len(first.Content) == 1 {
		err = loader.Load(&second)
		switch {
		case errors.Is(err, io.EOF):
			err = nil
		case err == nil:
			return fail(Pos{second.Line, second.Column}, "a second document begins here", "keep one, remove the rest")
		}
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, Errors{syntaxError(name, text, err)}
	}
	if len(first.Content) != 1 || isNull(first.Content[0]) {
		return fail(Pos{1, 1}, "the file is empty", "add ports, reals and virtuals (--help shows an example)")
	}
	return first.Content[0], nil
}

const shareLists = "write a list that repeats once, as reals: &all [a, b], and then reals: *all"

// unreadableChar finds the first character that YAML does not allow.
func unreadableChar(text []byte) (at Pos, r rune, ok bool) {
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c < 0x7f || c == '\n' || c == '\t' || c == '\r' {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 || r < ' ' || r >= 0x7f && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff {
			line := bytes.LastIndexByte(text[:i], '\n') + 1
			at = Pos{bytes.Count(text[:i], []byte{'\n'}) + 1, utf8.RuneCount(text[line:i]) + 1}
			return at, r, false
		}
		i += n
	}
	return Pos{}, 0, true
}

// marks counts the signs that separate values, so about the values themselves,
// before the decoder spends memory on them.
func marks(text []byte) int {
	n := 0
	for i, c := range text {
		switch c {
		case ',', '\n', '[', '{':
			n++
		case ':', '-', '?':
			if i+1 < len(text) && (text[i+1] == ' ' || text[i+1] == '\n') {
				n++
			}
		}
	}
	return n
}

// spaced makes JSON that is indented by tabs readable for YAML, which allows
// none there. A string in JSON holds no raw tab, so places stay the same.
func spaced(text []byte) []byte {
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) ||
		bytes.IndexByte(text, '\t') < 0 || !json.Valid(text) {
		return text
	}
	return bytes.ReplaceAll(text, []byte("\t"), []byte(" "))
}

// syntaxMends gives for a phrase of the decoder's message what to do about it.
var syntaxMends = []struct{ phrase, mend string }{
	{"cannot start any token", "put the value in quotes"},
	{"tab", "indent with spaces"},
	{"mapping values are not allowed", `mend the indentation, or put a value that holds ": " in quotes`},
	{"',' or ']'", "part the entries with commas and close the list with ]"},
	{"',' or '}'", "part the entries with commas and close the braces with }"},
	{"'-' indicator", "indent this line as the entries of its list"},
	{"expected node content", "write a value here, or close the list or the braces"},
	{"did not find expected key", "indent this line as the keys beside it"},
	{"could not find expected ':'", "write key: value, with a space after the colon"},
	{"unexpected end of stream", "close the quotation mark"},
	{"unexpected document indicator", "close the quotation mark"},
	{"unknown anchor", "define it before it is used, as in reals: &all [a, b]"},
	{"escape", "put the value in single quotes"},
	{"max depth", "nothing in this configuration nests so deep"},
}

// syntaxError says in one line what the decoder did not understand.
func syntaxError(name string, text []byte, err error) Error {
	e := Error{File: plain(name), Mend: "mend the indentation or the quotes here"}
	var load *yaml.LoadError
	message, context := err.Error(), ""
	if errors.As(err, &load) {
		message = load.Message
		e.Pos = Pos{load.Mark.Line, load.Mark.Column}
		if c := load.ContextMark; c.Line > 0 && c != load.Mark {
			context = fmt.Sprintf("%s (at %d:%d) ", load.ContextMsg, c.Line, c.Column)
		}
	}
	e.Problem = "YAML: " + context + clipped(strings.Join(strings.Fields(message), " "), 2*maxShown)

	lines := bytes.Split(text, []byte("\n"))
	if n := len(lines); n > 1 && len(lines[n-1]) == 0 {
		lines = lines[:n-1] // what ends in a line feed has no line after it
	}
	if e.Line > len(lines) {
		e.Pos = Pos{len(lines), utf8.RuneCount(lines[len(lines)-1]) + 1}
	}
	for _, m := range syntaxMends {
		if strings.Contains(message, m.phrase) {
			e.Mend = m.mend
			break
		}
	}
	if e.Line > 0 && strings.Contains(message, "cannot start any token") {
		line := []rune(string(lines[e.Line-1]))
		if i := e.Column - 1; i >= 0 && i < len(line) && line[i] == '\t' {
			e.Problem, e.Mend = "YAML: a tab cannot indent", "indent with spaces"
		}
	}
	return e
}

func isNull(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.Tag == "!!null" && n.Style&yaml.TaggedStyle == 0
}
