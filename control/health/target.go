package health

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Type is what a probe speaks.
type Type uint8

// The types of probes.
const (
	ICMP  Type = iota + 1 // an echo is answered
	TCP                   // a connection is accepted
	HTTP                  // a GET is answered with a wanted status and body
	HTTPS                 // the same in TLS
	UDP                   // a datagram is answered with a wanted one
	DNS                   // a query is answered without an error, and with a wanted record
)

var types = [...]string{ICMP: "icmp", TCP: "tcp", HTTP: "http", HTTPS: "https", UDP: "udp", DNS: "dns"}

// String is the type's name in the operator's file.
func (t Type) String() string {
	if int(t) < len(types) && types[t] != "" {
		return types[t]
	}
	return "type " + strconv.Itoa(int(t))
}

// StatusRange is a range of HTTP status codes, both ends included.
type StatusRange struct{ First, Last int }

// String is "200" or "200-299".
func (r StatusRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Spec is how a real is probed. What it points to must not change any more once it was handed to Set.
type Spec struct {
	Type     Type
	Port     uint16        // all types but ICMP
	Interval time.Duration // from one probe's start to the next one's; a probe that takes longer delays the next
	Timeout  time.Duration // of a whole probe, connecting included; 0 is the interval
	Jitter   float64       // share of the interval, 0 to 1, by which each wait is lengthened or shortened at random
	Rise     int           // successes in a row that bring a real up; less than 1 is 1
	Fall     int           // failures in a row that take it down; less than 1 is 1

	// HTTP and HTTPS.
	Path   string         // with the query; "" is /
	Host   string         // header; "" is the real's address and port
	Status []StatusRange  // none is 200-299
	Body   *regexp.Regexp // matched against the first 64 KiB; nil reads no body

	// HTTPS.
	SNI    string         // also the name that the certificate must bear; "" is Host, without it the real's address
	Verify bool           // the certificate: chain, dates, name
	Roots  *x509.CertPool // who may sign it; nil is the system's

	// UDP.
	Send   []byte         // one datagram
	Expect *regexp.Regexp // matched against the answer's first 4 KiB; nil takes any

	// DNS.
	Query  string // the name asked for
	Record string // A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT; "" is A
	Answer string // that must be among the records, as in a zone file; "" takes any record of the type
}

// Target is a real to be probed.
type Target struct {
	Real    string
	Address netip.Addr
	Spec    Spec
	Down    bool // where its state begins when it is new or changed; otherwise of no effect
}

// same tells whether o is probed in the same way, so that what t was found to be holds for it.
func (t *Target) same(o *Target) bool {
	a, b := &t.Spec, &o.Spec
	return t.Real == o.Real && t.Address == o.Address &&
		a.Type == b.Type && a.Port == b.Port &&
		a.Interval == b.Interval && a.Timeout == b.Timeout && a.Jitter == b.Jitter && a.Rise == b.Rise && a.Fall == b.Fall &&
		a.Path == b.Path && a.Host == b.Host && slices.Equal(a.Status, b.Status) && sameExpression(a.Body, b.Body) &&
		a.SNI == b.SNI && a.Verify == b.Verify && sameRoots(a.Roots, b.Roots) &&
		string(a.Send) == string(b.Send) && sameExpression(a.Expect, b.Expect) &&
		a.Query == b.Query && a.Record == b.Record && a.Answer == b.Answer
}

// sameExpression compares what was written: a reload compiles it anew.
func sameExpression(a, b *regexp.Regexp) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.String() == b.String()
}

func sameRoots(a, b *x509.CertPool) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Equal(b)
}

func (s *Spec) timeout() time.Duration {
	if s.Timeout <= 0 {
		return s.interval()
	}
	return s.Timeout
}

func (s *Spec) interval() time.Duration { return max(s.Interval, grain) }

// wanted lists the ranges for a cause: "200-299, 404".
func wanted(ranges []StatusRange) string {
	words := make([]string, len(ranges))
	for i, r := range ranges {
		words[i] = r.String()
	}
	return strings.Join(words, ", ")
}
