package health

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Servers to be probed. What they are to do with a connection or a datagram is the test's.

// tcpServer hands each connection to serve, and closes it after that.
func tcpServer(t testing.TB, serve func(net.Conn)) netip.AddrPort {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go accept(listener, serve)
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

func accept(listener net.Listener, serve func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			serve(conn)
		}()
	}
}

// answers sends what it was given, whatever it is asked; a request without an end it does not answer.
func answers(parts ...string) func(net.Conn) {
	return func(conn net.Conn) {
		if !readRequest(conn) {
			return
		}
		for _, part := range parts {
			if _, err := conn.Write([]byte(part)); err != nil {
				return
			}
		}
	}
}

func readRequest(conn net.Conn) bool {
	return request1(conn) != ""
}

// request1 reads to the end of a request's header.
func request1(conn net.Conn) string {
	var got []byte
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if got = append(got, buf[:n]...); len(got) > 4 && string(got[len(got)-4:]) == "\r\n\r\n" {
			return string(got)
		}
		if err != nil {
			return ""
		}
	}
}

// hang keeps a connection until the client closes it.
func hang(conn net.Conn) {
	buf := make([]byte, 4096)
	for {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

// udpServer answers each datagram with what answer returns; nothing to nil.
func udpServer(t testing.TB, answer func([]byte) [][]byte) netip.AddrPort {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go serveDatagrams(conn, answer)
	return conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func serveDatagrams(conn net.PacketConn, answer func([]byte) [][]byte) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		for _, a := range answer(buf[:n]) {
			_, _ = conn.WriteTo(a, from)
		}
	}
}

// closedPort is one where nobody listens.
func closedPort(t testing.TB) netip.AddrPort {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// authority signs certificates.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

// sign makes a certificate for name or address that ends at a time.
func (a *authority) sign(t testing.TB, name string, until time.Time) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "real"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// dnsAnswer packs an answer to a query, which change may spoil.
func dnsAnswer(query []byte, change func(*dnsmessage.Message), records ...dnsmessage.ResourceBody) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil
	}
	m.Response = true
	for _, r := range records {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1}, Body: r,
		})
	}
	if change != nil {
		change(&m)
	}
	b, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return b
}
