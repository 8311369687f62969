package health

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestDNS(t *testing.T) {
	a := &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}
	b := &dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}}
	name := dnsmessage.MustNewName
	reply := func(change func(*dnsmessage.Message), records ...dnsmessage.ResourceBody) func([]byte) [][]byte {
		return func(q []byte) [][]byte { return [][]byte{dnsAnswer(q, change, records...)} }
	}
	wrongID := func(m *dnsmessage.Message) { m.ID++ }
	for _, c := range []struct {
		name   string
		answer func([]byte) [][]byte
		spec   Spec
		want   string
	}{
		{"up", reply(nil, a), Spec{}, ""},
		{"wanted answer", reply(nil, b, a), Spec{Answer: "192.0.2.1"}, ""},
		{"wrong answer", reply(nil, b), Spec{Answer: "192.0.2.1"}, `A "192.0.2.2", want "192.0.2.1"`},
		{"wrong answers", reply(nil, b, b), Spec{Answer: "192.0.2.1"}, `A "192.0.2.2" and 1 others, want "192.0.2.1"`},
		{"alias before", reply(nil, &dnsmessage.CNAMEResource{CNAME: name("b.")}, a), Spec{Answer: "192.0.2.1"}, ""},
		{"no record", reply(nil), Spec{}, "no A record for www.example."},
		{"record of another type", reply(nil, a), Spec{Record: "AAAA"}, "no AAAA record for www.example."},
		{"AAAA", reply(nil, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::1").As16()}), Spec{Record: "aaaa", Answer: "2001:db8:0::1"}, ""},
		{"CNAME", reply(nil, &dnsmessage.CNAMEResource{CNAME: name("Web.example.")}), Spec{Record: "CNAME", Answer: "web.example."}, ""},
		{"MX", reply(nil, &dnsmessage.MXResource{Pref: 10, MX: name("mail.example.")}), Spec{Record: "MX", Answer: "10 mail.example."}, ""},
		{"NS", reply(nil, &dnsmessage.NSResource{NS: name("ns.example.")}), Spec{Record: "NS", Answer: "ns.example"}, ""},
		{"PTR", reply(nil, &dnsmessage.PTRResource{PTR: name("www.example.")}), Spec{Record: "PTR", Answer: "www.example"}, ""},
		{"SRV", reply(nil, &dnsmessage.SRVResource{Priority: 1, Weight: 2, Port: 3, Target: name("a.example.")}), Spec{Record: "SRV", Answer: "1 2 3 a.example"}, ""},
		{"SOA", reply(nil, &dnsmessage.SOAResource{NS: name("ns."), MBox: name("me."), Serial: 1, Refresh: 2, Retry: 3, Expire: 4, MinTTL: 5}), Spec{Record: "SOA", Answer: "ns me 1 2 3 4 5"}, ""},
		{"TXT", reply(nil, &dnsmessage.TXTResource{TXT: []string{"he", "llo"}}), Spec{Record: "TXT", Answer: "hello"}, ""},
		{"TXT in another case", reply(nil, &dnsmessage.TXTResource{TXT: []string{"Hello"}}), Spec{Record: "TXT", Answer: "hello"}, `TXT "Hello", want "hello"`},
		{"NXDOMAIN", reply(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }), Spec{}, "NXDOMAIN for www.example."},
		{"SERVFAIL", reply(func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeServerFailure }), Spec{}, "SERVFAIL for www.example."},
		{"FORMERR without the question", reply(func(m *dnsmessage.Message) { m.RCode, m.Questions = dnsmessage.RCodeFormatError, nil }), Spec{}, "FORMERR"},
		{"wrong id", reply(wrongID, a), Spec{Timeout: short}, "no answer within 100ms, but 1 to other questions"},
		{"wrong question", reply(func(m *dnsmessage.Message) { m.Questions[0].Name = name("other.") }, a), Spec{Timeout: short}, "no answer within 100ms, but 1 to other questions"},
		{"a query", reply(func(m *dnsmessage.Message) { m.Response = false }, a), Spec{Timeout: short}, "no answer within 100ms, but 1 to other questions"},
		{"wrong id, then the right one", func(q []byte) [][]byte { return [][]byte{dnsAnswer(q, wrongID, b), dnsAnswer(q, nil, a)} }, Spec{Answer: "192.0.2.1"}, ""},
		{"no answer", func([]byte) [][]byte { return nil }, Spec{Timeout: short}, "no answer within 100ms"},
		{"garbage", func([]byte) [][]byte { return [][]byte{[]byte("x")} }, Spec{Timeout: short}, "no answer within 100ms, but 1 to"},
		{"malformed", func(q []byte) [][]byte { m := dnsAnswer(q, nil, a); return [][]byte{m[:len(m)-2]} }, Spec{}, "malformed answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := udpServer(t, c.answer)
			c.spec.Type, c.spec.Port, c.spec.Query = DNS, to.Port(), "www.example"
			expect(t, once(t, to.Addr(), c.spec), c.want)
		})
	}
}

// An answer that was cut is asked for once more, by TCP.
func TestDNSTruncated(t *testing.T) {
	a := &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}
	cut := func(m *dnsmessage.Message) { m.Truncated = true }
	many := make([]dnsmessage.ResourceBody, 1500) // longer than the first buffer
	for i := range many {
		many[i] = a
	}
	for _, c := range []struct {
		name  string
		serve func(net.Conn, []byte)
		spec  Spec
		want  string
	}{
		{"up", func(c net.Conn, q []byte) { _, _ = c.Write(prefixed(dnsAnswer(q, nil, a))) }, Spec{}, ""},
		{"long", func(c net.Conn, q []byte) { _, _ = c.Write(prefixed(dnsAnswer(q, nil, many...))) }, Spec{Answer: "192.0.2.1"}, ""},
		{"wrong", func(c net.Conn, q []byte) { _, _ = c.Write(prefixed(dnsAnswer(q, nil, a))) }, Spec{Answer: "192.0.2.9"}, `tcp: A "192.0.2.1", want "192.0.2.9"`},
		{"cut again", func(c net.Conn, q []byte) { _, _ = c.Write(prefixed(dnsAnswer(q, cut, a))) }, Spec{}, "tcp: the answer is cut"},
		{"closes", func(c net.Conn, q []byte) { _, _ = c.Write([]byte{1, 0, 1}) }, Spec{}, "tcp: closed before the answer was complete"},
		{"hangs", func(c net.Conn, q []byte) { hang(c) }, Spec{Timeout: short}, "tcp: no answer within 100ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			to := tcpServer(t, func(conn net.Conn) {
				length := make([]byte, 2)
				if _, err := io.ReadFull(conn, length); err != nil {
					return
				}
				query := make([]byte, binary.BigEndian.Uint16(length))
				if _, err := io.ReadFull(conn, query); err == nil {
					c.serve(conn, query)
				}
			})
			udp, err := net.ListenPacket("udp", "127.0.0.1:"+strconv.Itoa(int(to.Port())))
			if err != nil {
				t.Skip("the port is somebody's: ", err)
			}
			defer udp.Close()
			go serveDatagrams(udp, func(q []byte) [][]byte { return [][]byte{dnsAnswer(q, cut)} })
			c.spec.Type, c.spec.Port, c.spec.Query = DNS, to.Port(), "www.example"
			expect(t, once(t, to.Addr(), c.spec), c.want)
		})
	}
}

func prefixed(m []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...)
}
