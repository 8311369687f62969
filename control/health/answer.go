package health

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// answer reads an HTTP answer (RFC 9112) into the turn's buffer, as little of it as is needed. net/http's reader would
// make a map of the header and a string of each line for every probe.
type answer struct {
	turn *turn
	from io.Reader
	have int // bytes read

	status  int
	start   int // where the body begins
	length  int // of the body, bytes; untilClose if it ends with the connection
	chunked bool
}

const untilClose = -1

var (
	errNotHTTP = errors.New("the answer is not HTTP/1")
	errChunk   = errors.New("the body's chunks are malformed")
)

// read reads more, into a buffer of up to limit bytes.
func (a *answer) read(limit int) (int, error) {
	if a.have == len(a.turn.buf) {
		a.turn.grow(limit)
	}
	n, err := a.from.Read(a.turn.buf[a.have:min(limit, len(a.turn.buf))])
	a.have += n
	if n > 0 {
		err = nil // it comes again
	}
	return n, err
}

// readHead reads to the end of the header, past interim answers (1xx).
func (a *answer) readHead() error {
	for searched := 0; ; {
		head := a.turn.buf[a.start:a.have]
		if end := endOfHead(head, searched); end > 0 {
			if err := a.parse(head[:end]); err != nil {
				return err
			}
			a.start, searched = a.start+end, 0
			if a.status < 100 || a.status > 199 {
				return nil
			}
			continue
		}
		if len(head) >= 5 && string(head[:5]) != "HTTP/" {
			return fmt.Errorf("%w, but %s", errNotHTTP, excerpt(head))
		}
		searched = len(head)
		if a.have >= headLimit {
			return fmt.Errorf("the header is longer than %d KiB", headLimit>>10)
		}
		if _, err := a.read(headLimit); err != nil {
			return a.broken("header", err)
		}
	}
}

// endOfHead is where the empty line behind the header ends; 0 if it has not come. Its first searched bytes were
// searched before. Bare line feeds end lines, too (RFC 9112 §2.2).
func endOfHead(b []byte, searched int) int {
	for at := max(searched-3, 0); ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return 0
		}
		at += i + 1
		switch rest := b[at:]; {
		case len(rest) > 0 && rest[0] == '\n':
			return at + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return at + 2
		}
	}
}

// parse reads a header that is whole.
func (a *answer) parse(head []byte) error {
	line, rest, _ := bytes.Cut(head, []byte{'\n'})
	version, code, _ := bytes.Cut(trim(line), []byte{' '})
	if len(version) != 8 || string(version[:7]) != "HTTP/1." || len(code) < 3 || len(code) > 3 && code[3] != ' ' {
		return fmt.Errorf("%w, but %s", errNotHTTP, excerpt(line))
	}
	a.status = 0
	for _, c := range code[:3] {
		if c < '0' || c > '9' {
			return fmt.Errorf("%w, but %s", errNotHTTP, excerpt(line))
		}
		a.status = 10*a.status + int(c-'0')
	}
	a.length, a.chunked = untilClose, false
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte{'\n'})
		name, value, _ := bytes.Cut(trim(line), []byte{':'})
		value = trim(value)
		switch {
		case equalFold(name, "content-length"):
			n, err := strconv.ParseUint(string(value), 10, 62)
			if err != nil {
				return fmt.Errorf("content-length is %s", excerpt(value))
			}
			a.length = int(min(n, bodyLimit))
		case equalFold(name, "transfer-encoding"):
			if !equalFold(value, "chunked") {
				return fmt.Errorf("transfer-encoding is %s, which was not asked for", excerpt(value))
			}
			a.chunked = true
		}
	}
	if a.status == 204 || a.status == 304 {
		a.length, a.chunked = 0, false
	}
	return nil
}

func equalFold(b []byte, lower string) bool {
	return len(b) == len(lower) && bytes.EqualFold(b, []byte(lower))
}

func trim(b []byte) []byte { return bytes.Trim(b, " \t\r") }

// readBody reads the body, or its first 64 KiB.
func (a *answer) readBody() ([]byte, error) {
	limit := a.start + bodyLimit
	chunks := chunks{}
	body := a.start // its end so far, behind which lies what was not decoded
	for {
		if a.chunked {
			out, in, err := chunks.decode(a.turn.buf[a.start:a.have], body-a.start)
			if err != nil {
				return nil, err
			}
			body = a.start + out
			a.have = body + copy(a.turn.buf[body:], a.turn.buf[a.start+in:a.have])
		} else {
			body = a.have
			if a.length != untilClose {
				limit = min(limit, a.start+a.length)
			}
		}
		if chunks.ended || body >= limit || a.have >= a.start+bodyLimit {
			return a.turn.buf[a.start:min(body, limit)], nil
		}
		_, err := a.read(a.start + bodyLimit)
		if err != nil && errors.Is(err, io.EOF) && !a.chunked && a.length == untilClose {
			return a.turn.buf[a.start:body], nil
		}
		if err != nil {
			return nil, a.broken("body", err)
		}
	}
}

// chunks decodes a chunked body (RFC 9112 §7.1) in place.
type chunks struct {
	left   int  // of the present chunk's data
	behind bool // a chunk's data has ended, its line end has not come
	ended  bool
}

// decode takes chunks from b[out:] and moves their data together, to b[out:]. It returns where the data ends, and where
// what is not decoded begins: a line that has not come whole.
func (c *chunks) decode(b []byte, out int) (int, int, error) {
	in := out
	for in < len(b) && !c.ended {
		if c.left > 0 {
			n := copy(b[out:], b[in:min(len(b), in+c.left)])
			out, in, c.left = out+n, in+n, c.left-n
			c.behind = c.left == 0
			continue
		}
		line := b[in:]
		end := bytes.IndexByte(line, '\n')
		if end < 0 {
			if len(line) > 1<<10 {
				return out, in, errChunk
			}
			break
		}
		in, line = in+end+1, trim(line[:end])
		if c.behind {
			if c.behind = false; len(line) > 0 {
				return out, in, errChunk
			}
			continue
		}
		size, _, _ := bytes.Cut(line, []byte{';'})
		n, err := strconv.ParseUint(string(trim(size)), 16, 62)
		if err != nil {
			return out, in, errChunk
		}
		// Beyond the limit nothing is read. The trailer is of no interest.
		c.left, c.ended = int(min(n, 2*bodyLimit)), n == 0
	}
	return out, in, nil
}
