package conf

import (
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v4"
)

const (
	maxHalfOpen = 1 << 28 // as many as a table can have flows
	maxPattern  = 1024    // bytes
	maxPath     = 2048    // bytes
	maxSend     = 1472    // bytes: one datagram in an Ethernet frame
	maxCA       = 8 << 20 // bytes
)

// percent reads a share of a hundred, with or without its sign.
func (w *walker) percent(v value, most int, to *int) {
	s, ok := w.text(v, "a percentage")
	if !ok {
		return
	}
	digits := strings.TrimSuffix(s, "%")
	n, err := strconv.Atoi(digits)
	switch mend := fmt.Sprintf("use 0%% to %d%%", most); {
	case !isDigits(digits):
		w.fail(v, "want a percentage, not "+quoted(s), mend)
	case err != nil || n > most:
		w.fail(v, shown(s)+" is out of range", mend)
	default:
		*to = n
	}
}

// line reads text without control characters, of at most longest bytes.
func (w *walker) line(v value, want string, longest int) (string, bool) {
	s, ok := w.text(v, want)
	switch {
	case !ok:
		return "", false
	case strings.ContainsFunc(s, unicode.IsControl):
		w.fail(v, quoted(s)+" holds a control character", "remove it")
		return "", false
	case len(s) > longest:
		w.fail(v, fmt.Sprintf("%s is longer than %d bytes", quoted(s), longest), "shorten it")
		return "", false
	}
	return s, true
}

// urlPath reads what a GET asks for.
func (w *walker) urlPath(v value) string {
	s, ok := w.line(v, "a path", maxPath)
	if !ok {
		return ""
	}
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	_, err := url.ParseRequestURI(s)
	switch {
	case !strings.HasPrefix(s, "/"):
		w.fail(v, "the path "+quoted(s)+" does not begin with a slash", "write it like /healthz or /status?full=1")
		return ""
	case strings.ContainsFunc(s, odd) || strings.Contains(s, "#") || err != nil:
		w.fail(v, "bad path "+quoted(s), "write signs other than those of a URL as % and two hex digits")
		return ""
	}
	return s
}

// host reads a name or an address, perhaps with a port.
func (w *walker) host(v value) string {
	s, ok := w.line(v, "a host", maxName)
	if !ok {
		return ""
	}
	name, port, hasPort := strings.Cut(s, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if _, notAddress := netip.ParseAddr(name); !isDomain(name) && notAddress != nil || hasPort && (err != nil || n == 0) {
		w.fail(v, "bad host "+quoted(s), "write it like www.example.com or www.example.com:8080")
		return ""
	}
	return s
}

// domain reads the name of a host, without a dot at its end.
func (w *walker) domain(v value) string {
	s, ok := w.line(v, "the name of a host", maxName)
	if ok && !isDomain(s) {
		w.fail(v, "bad name "+quoted(s), "write it like www.example.com")
		return ""
	}
	return s
}

// queryName reads a name of the DNS.
func (w *walker) queryName(v value) string {
	s, ok := w.line(v, "a name to ask for", maxName)
	if name := strings.TrimSuffix(s, "."); ok && s != "." && !isLabels(name) {
		w.fail(v, "bad name "+quoted(s), "write it like www.example.com")
		return ""
	}
	return s
}

// isDomain reports whether s can name a host; an address does not.
func isDomain(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	return isLabels(s) && !isDigits(last)
}

// isLabels reports whether s is letters, digits, - and _ between dots.
func isLabels(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		odd := func(r rune) bool {
			return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
		}
		if label == "" || len(label) > 63 || strings.ContainsFunc(label, odd) {
			return false
		}
	}
	return true
}

// statusRange reads 200 or 200-299.
func (w *walker) statusRange(v value) StatusRange {
	s, ok := w.text(v, "a status")
	if !ok {
		return StatusRange{}
	}
	from, to, isRange := strings.Cut(s, "-")
	if !isRange {
		to = from
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	switch {
	case !isDigits(from) || !isDigits(to):
		mend := "write it like 200 or 200-299"
		if len(s) == 3 && strings.EqualFold(s[1:], "xx") && s[0] >= '1' && s[0] <= '5' {
			mend = fmt.Sprintf("write %c00-%[1]c99", s[0])
		}
		w.fail(v, "want a status, not "+quoted(s), mend)
	case err1 != nil || err2 != nil || first < 100 || last < 100 || first > 599 || last > 599:
		w.fail(v, shown(s)+" is out of range", "use a status from 100 to 599")
	case first > last:
		w.fail(v, "the range "+shown(s)+" runs backwards", fmt.Sprintf("write %d-%d", last, first))
	default:
		return StatusRange{first, last}
	}
	return StatusRange{}
}

// pattern reads a regular expression in RE2's syntax.
func (w *walker) pattern(v value) *regexp.Regexp {
	s, ok := w.text(v, "a regular expression")
	if !ok {
		return nil
	}
	if len(s) > maxPattern {
		w.fail(v, fmt.Sprintf("the regular expression %s is longer than %d bytes", quoted(s), maxPattern), "shorten it")
		return nil
	}
	re, err := regexp.Compile(s)
	if err != nil {
		problem := err.Error()
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			problem = e.Code.String() + " at " + quoted(e.Expr)
		}
		w.fail(v, "bad regular expression "+quoted(s)+", "+problem, `mend it, or write \ before signs that stand for themselves`)
		return nil
	}
	return re
}

// payload reads a datagram that is text.
func (w *walker) payload(v value) []byte {
	s, ok := w.text(v, "text to send")
	if !ok {
		return nil
	}
	// "\xff" in double quotes is the character U+00FF for YAML, two bytes long.
	for _, r := range s {
		if r >= 0x80 && r <= 0xff && v.named().Style&yaml.DoubleQuotedStyle != 0 {
			w.fail(v, fmt.Sprintf("%q in double quotes would be sent as the two bytes % [1]x", string(r)),
				"write bytes above 7f by send-hex, text in single quotes")
			return nil
		}
	}
	return w.datagram(v, []byte(s))
}

// hexPayload reads a datagram as hex digits, in which spaces may stand.
func (w *walker) hexPayload(v value) []byte {
	s, ok := w.text(v, "hex digits")
	if !ok {
		return nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil || len(b) == 0 {
		w.fail(v, "want hex digits, not "+quoted(s), `write two a byte, like "70 69 6e 67"`)
		return nil
	}
	return w.datagram(v, b)
}

func (w *walker) datagram(v value, b []byte) []byte {
	if len(b) > maxSend {
		w.fail(v, fmt.Sprintf("%d bytes, more than one frame holds", len(b)), fmt.Sprintf("send %d or less", maxSend))
		return nil
	}
	return b
}

// recordContent reads what a DNS record of a type should hold, an address in
// the form in which it is compared.
func (w *walker) recordContent(v value, record string) string {
	s, ok := w.line(v, "the content of a record", maxName)
	if !ok {
		return ""
	}
	a, err := netip.ParseAddr(s)
	isAddress := err == nil && a.Zone() == ""
	switch {
	case record == "A" && (!isAddress || !a.Is4()):
		w.fail(v, "an A record holds an IPv4 address, not "+quoted(s), "write it like 192.0.2.1")
		return ""
	case record == "AAAA" && (!isAddress || !a.Is6()):
		w.fail(v, "an AAAA record holds an IPv6 address, not "+quoted(s), "write it like 2001:db8::1")
		return ""
	case record == "AAAA":
		return a.String()
	}
	return s
}

// certificates is what a file of them held.
type certificates struct {
	pool    *x509.CertPool
	problem string // "": none
	mend    string
}

// certificates reads the file that v names, each file once.
func (d *draft) certificates(v value) (string, *x509.CertPool) {
	file, ok := d.line(v, "a file of certificates", 4096)
	if !ok {
		return "", nil
	}
	c := d.roots[file]
	if c == nil {
		if d.roots == nil {
			d.roots = map[string]*certificates{}
		}
		c = readCertificates(file)
		d.roots[file] = c
	}
	if c.problem != "" {
		d.fail(v, c.problem, c.mend)
	}
	return file, c.pool
}

func readCertificates(file string) *certificates {
	const mend = "name a file of certificates in PEM form"
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		return &certificates{problem: shown(file) + " is no regular file", mend: mend}
	}
	var text []byte
	if err == nil {
		text, err = readUpTo(file, maxCA+1)
	}
	if err != nil {
		return &certificates{problem: cannotRead(file, err), mend: mend}
	}
	if len(text) > maxCA {
		return &certificates{problem: fmt.Sprintf("%s is larger than %d MiB", shown(file), maxCA>>20), mend: mend}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return &certificates{problem: shown(file) + " holds no certificate", mend: mend}
	}
	return &certificates{pool: pool}
}

func readUpTo(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most))
}

func cannotRead(file string, err error) string {
	cause := err
	for errors.Unwrap(cause) != nil {
		cause = errors.Unwrap(cause)
	}
	return fmt.Sprintf("cannot read %s: %v", shown(file), cause)
}
