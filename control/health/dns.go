package health

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// dnsChecker asks one question, by UDP, and by TCP if the answer was cut (RFC 1035 §4.2, RFC 7766).
type dnsChecker struct {
	to       netip.AddrPort
	query    []byte // two bytes of length as TCP wants them, then the message, whose id is filled in
	question dnsmessage.Question
	want     string
}

var recordTypes = map[string]dnsmessage.Type{
	"": dnsmessage.TypeA, "A": dnsmessage.TypeA, "AAAA": dnsmessage.TypeAAAA, "CNAME": dnsmessage.TypeCNAME,
	"MX": dnsmessage.TypeMX, "NS": dnsmessage.TypeNS, "PTR": dnsmessage.TypePTR, "SOA": dnsmessage.TypeSOA,
	"SRV": dnsmessage.TypeSRV, "TXT": dnsmessage.TypeTXT,
}

const tcpLength = 2 // bytes before a message in TCP

func newDNSChecker(t *Target) (checker, error) {
	kind, known := recordTypes[strings.ToUpper(t.Spec.Record)]
	if !known {
		return nil, fmt.Errorf("no such record: %q; want A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT", t.Spec.Record)
	}
	name, err := dnsmessage.NewName(strings.TrimSuffix(t.Spec.Query, ".") + ".")
	if err != nil {
		return nil, fmt.Errorf("query %q: %w", t.Spec.Query, err)
	}
	c := &dnsChecker{
		to:       t.endpoint(),
		question: dnsmessage.Question{Name: name, Type: kind, Class: dnsmessage.ClassINET},
		want:     canonical(t.Spec.Answer),
	}
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{RecursionDesired: true},
		Questions: []dnsmessage.Question{c.question},
	}
	if c.query, err = message.AppendPack(make([]byte, tcpLength, 512)); err != nil {
		return nil, fmt.Errorf("query %q: %w", t.Spec.Query, err)
	}
	binary.BigEndian.PutUint16(c.query, uint16(len(c.query)-tcpLength))
	return c, nil
}

// canonical makes names comparable: in lower case and without the dot at the end. A text's case counts.
func canonical(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String()
	}
	return strings.TrimSuffix(s, ".")
}

var (
	errCut     = errors.New("the answer is cut")
	errForeign = errors.New("answers another question")
)

func (c *dnsChecker) check(t *turn) error {
	id := uint16(rand.Uint32())
	binary.BigEndian.PutUint16(c.query[tcpLength:], id)
	err := c.datagram(t, id)
	if errors.Is(err, errCut) {
		t.close()
		err = c.stream(t, id)
	}
	return err
}

func (c *dnsChecker) datagram(t *turn, id uint16) error {
	if err := t.dial(unix.SOCK_DGRAM, c.to); err != nil {
		return err
	}
	if _, err := t.Write(c.query[tcpLength:]); err != nil {
		return t.failed("send", err)
	}
	for foreign := 0; ; foreign++ {
		message, err := t.datagram()
		if err != nil {
			if foreign > 0 {
				err = fmt.Errorf("%w, but %d to other questions", err, foreign)
			}
			return err
		}
		if err := c.judge(message, id); !errors.Is(err, errForeign) {
			return err
		}
	}
}

func (c *dnsChecker) stream(t *turn, id uint16) error {
	if err := t.dial(unix.SOCK_STREAM, c.to); err != nil {
		return fmt.Errorf("tcp, since the answer by udp is cut: %w", err)
	}
	if _, err := t.Write(c.query); err != nil {
		return t.failed("tcp: send", err)
	}
	have, want := 0, tcpLength
	for have < want {
		if want > len(t.buf) {
			t.grow(tcpLength + 1<<16)
			continue
		}
		n, err := t.Read(t.buf[have:want])
		switch have += n; {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("tcp: %w", silent(t.timeout))
		case errors.Is(err, io.EOF):
			return errors.New("tcp: closed before the answer was complete")
		case err != nil:
			return t.failed("tcp: receive", err)
		}
		if have == tcpLength && want == tcpLength {
			want += int(binary.BigEndian.Uint16(t.buf))
		}
	}
	if err := c.judge(t.buf[tcpLength:have], id); err != nil {
		return fmt.Errorf("tcp: %w", err)
	}
	return nil
}

// judge reads an answer.
func (c *dnsChecker) judge(message []byte, id uint16) error {
	var p dnsmessage.Parser
	header, err := p.Start(message)
	if err != nil || !header.Response || header.ID != id {
		return errForeign
	}
	// An answer to a query that the server could not read has no question.
	if question, err := p.Question(); err == nil {
		if question.Type != c.question.Type || question.Class != c.question.Class ||
			!strings.EqualFold(question.Name.String(), c.question.Name.String()) {
			return errForeign
		}
	} else if header.RCode == dnsmessage.RCodeSuccess {
		return errForeign
	}
	switch {
	case header.RCode != dnsmessage.RCodeSuccess:
		return fmt.Errorf("%s for %s", rcode(header.RCode), c.question.Name.String())
	case header.Truncated:
		return errCut
	}
	return c.search(&p)
}

// search looks through the answer's records.
func (c *dnsChecker) search(p *dnsmessage.Parser) error {
	if err := p.SkipAllQuestions(); err != nil {
		return fmt.Errorf("malformed answer: %w", err)
	}
	seen, others := "", 0
	for {
		header, err := p.AnswerHeader()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return fmt.Errorf("malformed answer: %w", err)
		}
		if header.Type != c.question.Type || header.Class != dnsmessage.ClassINET {
			if err := p.SkipAnswer(); err != nil {
				return fmt.Errorf("malformed answer: %w", err)
			}
			continue
		}
		record, err := record(p, header.Type)
		if err != nil {
			return fmt.Errorf("malformed answer: %w", err)
		}
		if c.want == "" || record == c.want || header.Type != dnsmessage.TypeTXT && strings.EqualFold(record, c.want) {
			return nil
		}
		if seen == "" {
			seen = record
		} else {
			others++
		}
	}
	name := strings.TrimPrefix(c.question.Type.String(), "Type")
	switch {
	case seen == "":
		return fmt.Errorf("no %s record for %s", name, c.question.Name.String())
	case others > 0:
		return fmt.Errorf("%s %q and %d others, want %q", name, seen, others, c.want)
	}
	return fmt.Errorf("%s %q, want %q", name, seen, c.want)
}

// record is the next record's value as in a zone file, its names without the dot at the end.
func record(p *dnsmessage.Parser, kind dnsmessage.Type) (string, error) {
	bare := func(n dnsmessage.Name) string { return strings.TrimSuffix(n.String(), ".") }
	switch kind {
	case dnsmessage.TypeA:
		r, err := p.AResource()
		return netip.AddrFrom4(r.A).String(), err
	case dnsmessage.TypeAAAA:
		r, err := p.AAAAResource()
		return netip.AddrFrom16(r.AAAA).String(), err
	case dnsmessage.TypeCNAME:
		r, err := p.CNAMEResource()
		return bare(r.CNAME), err
	case dnsmessage.TypeMX:
		r, err := p.MXResource()
		return fmt.Sprintf("%d %s", r.Pref, bare(r.MX)), err
	case dnsmessage.TypeNS:
		r, err := p.NSResource()
		return bare(r.NS), err
	case dnsmessage.TypePTR:
		r, err := p.PTRResource()
		return bare(r.PTR), err
	case dnsmessage.TypeSOA:
		r, err := p.SOAResource()
		return fmt.Sprintf("%s %s %d %d %d %d %d", bare(r.NS), bare(r.MBox), r.Serial, r.Refresh, r.Retry, r.Expire, r.MinTTL), err
	case dnsmessage.TypeSRV:
		r, err := p.SRVResource()
		return fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, bare(r.Target)), err
	default: // TXT
		r, err := p.TXTResource()
		return strings.Join(r.TXT, ""), err
	}
}

// rcode names what servers of names say.
func rcode(r dnsmessage.RCode) string {
	switch r {
	case dnsmessage.RCodeFormatError:
		return "FORMERR"
	case dnsmessage.RCodeServerFailure:
		return "SERVFAIL"
	case dnsmessage.RCodeNameError:
		return "NXDOMAIN"
	case dnsmessage.RCodeNotImplemented:
		return "NOTIMP"
	case dnsmessage.RCodeRefused:
		return "REFUSED"
	}
	return fmt.Sprintf("RCODE %d", uint16(r))
}
