package conf

import (
	"bytes"
	"crypto/x509"
	"regexp"
	"slices"
	"time"
)

// Probe says how a real is asked, from time to time, whether it works. Keys of
// other types than its own are left zero. Reals share it, so it is read only.
type Probe struct {
	Name       string // of the template; "" where a real or virtual holds the probe itself
	Type       ProbeType
	Port       uint16        // L4 port, host byte order; 0: the real's own; ICMP has none
	Interval   time.Duration // from one to the next, 100 ms to an hour
	Jitter     int           // per cent of the interval by which it varies, 0..50
	Timeout    time.Duration // to wait for an answer, no longer than Interval
	Rise, Fall int           // so many good ones in a row mend a real, so many bad ones fail it; 1..100

	// HTTP and HTTPS.
	Path   string         // with the query, if any
	Host   string         // of the Host header, perhaps with a port; "": the real's address
	Status []StatusRange  // those that are good; at least one
	Body   *regexp.Regexp // found in the first BodyLimit bytes; nil: the body does not matter

	// HTTPS.
	SNI    string         // "": none
	Verify bool           // the certificate must be good for SNI, or where there is none for the real's address
	CA     string         // the file that Roots is from
	Roots  *x509.CertPool // who may have signed it; nil: the system's

	// UDP.
	Send   []byte
	Expect *regexp.Regexp // found in the answer; nil: any answer is good

	// DNS.
	Query  string // the name to ask for
	Record string // A, AAAA, TXT, SOA or NS
	Answer string // content of one record of the answer; "": any answer without error is good

	Pos
}

// BodyLimit is how many bytes of an HTTP answer's body are looked at.
const BodyLimit = 64 << 10

// StatusRange is a range of HTTP status codes, both ends included.
type StatusRange struct{ First, Last int }

// DefaultStatus are the codes that are good where a probe names none.
func DefaultStatus() []StatusRange { return []StatusRange{{200, 299}} }

// Equal reports whether p and q ask the same and have the same name, wherever
// they stand in their files. Either may be nil.
func (p *Probe) Equal(q *Probe) bool {
	if p == q || p == nil || q == nil {
		return p == q
	}
	return p.Name == q.Name && p.Type == q.Type && p.Port == q.Port &&
		p.Interval == q.Interval && p.Jitter == q.Jitter && p.Timeout == q.Timeout &&
		p.Rise == q.Rise && p.Fall == q.Fall &&
		p.Path == q.Path && p.Host == q.Host && slices.Equal(p.Status, q.Status) && samePattern(p.Body, q.Body) &&
		p.SNI == q.SNI && p.Verify == q.Verify && p.CA == q.CA && p.Roots.Equal(q.Roots) &&
		bytes.Equal(p.Send, q.Send) && samePattern(p.Expect, q.Expect) &&
		p.Query == q.Query && p.Record == q.Record && p.Answer == q.Answer
}

func samePattern(a, b *regexp.Regexp) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.String() == b.String()
}
