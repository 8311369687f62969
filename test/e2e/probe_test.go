package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"linedirector/test/netlab"
)

// TestProbes has every type of probe find its server up, then down, then up again. Each real serves one virtual with
// one probe; the probe's fall must fail it, no retry must try it, its rise must bring it back.
//
//	director's kernel ══ tap [inside] ══ probes ══► a 10.0.0.11: a server a port, each of which can be broken
func TestProbes(t *testing.T) {
	setup := widest()
	s := newSite(t)
	a := &patient{s: s, ns: s.reals["a"]}
	certificate, authority := selfSigned(t, "www.example.com", realAddresses["a"])
	ca := s.WriteFile("ca.pem", authority)

	probed := []struct {
		name  string // of real and virtual
		port  int
		probe string
		serve func(t *testing.T, port int)
		cause string // words of it, once down
	}{
		{"connect", 9001, "{type: tcp, ", a.tcp, ""},
		{"http", 9002, "{type: http, path: /healthz, status: 204, ", a.http(nil), "503"},
		{"https", 9003, "{type: https, path: /healthz, status: 204, verify: false, ", a.http(certificate), "503"},
		{"https-ca", 9004, "{type: https, path: /healthz, status: 204, host: www.example.com, ca: " + ca + ", ", a.http(certificate), "503"},
		{"datagram", 9005, `{type: udp, send: "ping", expect: "^pong", `, a.udp, ""},
		{"dns", 9006, "{type: dns, query: www.example.com, answer: 192.0.2.10, ", a.dns, ""},
		{"hung", 9007, "{type: http, path: /healthz, status: 204, ", a.hanging, ""},
		{"ping", 9008, "{type: icmp, ", func(*testing.T, int) {}, ""},
	}
	var config strings.Builder
	config.WriteString(ports(setup.queues) + "reals:\n")
	for _, p := range probed {
		p.serve(t, p.port)
		fmt.Fprintf(&config, "  - {name: %s, address: 10.0.0.11, port: %d, retry: 500ms, probe: %sinterval: 200ms, timeout: 200ms, rise: 2, fall: 3}}\n",
			p.name, p.port, p.probe)
	}
	config.WriteString("virtuals:\n")
	for i, p := range probed {
		fmt.Fprintf(&config, "  - {name: %s, address: 192.0.2.10, port: %d, reals: [%s]}\n", p.name, 8001+i, p.name)
	}
	d := s.start(t, setup, config.String())
	events := s.follow(t, d)
	probesUp(t, d, len(probed))
	if got := events.events(); len(got) > 0 {
		t.Errorf("the probes of servers that are well changed something: %s", got[0].Text)
	}

	// Down: at each server, and for the ping by the machine's own refusal to answer.
	begin := time.Now()
	a.broken.Store(true)
	s.reals["a"].Run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
	for _, p := range probed {
		down := events.await(bound, 1, p.name, "externally-failed")
		t.Logf("%s after %v: %s", p.name, down.Time.Sub(begin).Round(time.Millisecond), down.Cause)
		if down.From != "in-service" || down.Cause == "" || !strings.Contains(down.Cause, p.cause) {
			t.Errorf("%s: %+v, want it from in-service, and a cause with %q", p.name, down, p.cause)
		}
		// Three bad answers in a row, 200 ms apart, and the last one's timeout.
		if took := down.Time.Sub(begin); took < 300*time.Millisecond || took > 3*time.Second {
			t.Errorf("%s: it took %v", p.name, took)
		}
	}
	for name, r := range d.showReals() {
		if r.Probe == nil || r.Probe.Up || r.RetryIn != nil || r.State != "externally-failed" {
			t.Errorf("%s is shown as %+v, its probe as %+v", name, r, r.Probe)
		}
	}
	if v := d.showVirtual("http"); v.Active.Tier != "none" {
		t.Errorf("the virtual of a real that its probe failed is %+v", v)
	}
	// More than two retry times later none has been tried, though clients want it.
	for end := time.Now().Add(1200 * time.Millisecond); time.Now().Before(end); {
		if _, err := s.client.Try("timeout", "0.2", "bash", "-c", "exec 3<>/dev/tcp/192.0.2.10/8002"); err == nil {
			t.Fatal("a connection came to a real that its probe failed")
		}
	}
	a.broken.Store(false)
	s.reals["a"].Run("sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=0")
	for _, p := range probed {
		up := events.await(bound, 1, p.name, "in-service")
		if up.From != "externally-failed" {
			t.Errorf("%s came back from %s", p.name, up.From)
		}
		if all := events.of(p.name); len(all) != 2 {
			t.Errorf("%s: want it down once and up once, not %s", p.name, events.text(p.name))
		}
	}
	probesUp(t, d, len(probed))

	// What an operator fails no probe brings back.
	d.set("connect", "externally-failed")
	d.set("http", "maintenance")
	seen := len(events.of("https"))
	a.broken.Store(true)
	events.await(bound, 2, "https", "externally-failed")
	a.broken.Store(false)
	events.await(bound, 2, "https", "in-service")
	if len(events.of("https")) != seen+2 {
		t.Errorf("events: %s", events.text("https"))
	}
	for name, state := range map[string]string{"connect": "externally-failed", "http": "maintenance"} {
		if got := d.showReals()[name].State; got != state {
			t.Errorf("%s was set to %s by an operator and is %s", name, state, got)
		}
	}
}

// probesUp waits until every probe's last one has ended well.
func probesUp(t *testing.T, d *director, n int) {
	t.Helper()
	err := netlab.Eventually(bound, func() error {
		up, text := 0, ""
		for name, r := range d.showReals() {
			if r.Probe != nil && r.Probe.Up && !r.Probe.Last.IsZero() && r.Probe.Cause == "" && r.State == "in-service" {
				up++
			} else {
				text += fmt.Sprintf("; %s: %s, %+v", name, r.State, r.Probe)
			}
		}
		if up != n {
			return fmt.Errorf("%d probes are up, want %d%s", up, n, text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// patient is a machine whose servers can be broken, all at once.
type patient struct {
	s      *site
	ns     *netlab.Namespace
	broken atomic.Bool
}

func (p *patient) address(port int) string { return fmt.Sprintf("%s:%d", realAddresses["a"], port) }

// tcp accepts connections. While it is broken its port refuses, by the machine's firewall.
func (p *patient) tcp(t *testing.T, port int) {
	listener := p.ns.Listen(p.address(port))
	go accept(listener, func(conn net.Conn) { _ = conn.Close() })
	go func() {
		was := false
		for t.Context().Err() == nil {
			if now := p.broken.Load(); now != was {
				was = now
				text := "flush ruleset\n"
				if now {
					text += fmt.Sprintf("table ip fault { chain in { type filter hook input priority 0; tcp dport %d reject with tcp reset; }; }\n", port)
				}
				if out, err := p.ns.Try("nft", text); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
}

func accept(listener net.Listener, f func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return // closed with the test
		}
		go f(conn)
	}
}

// http answers 204 at /healthz, 503 while it is broken; with a certificate it speaks TLS.
func (p *patient) http(certificate *tls.Certificate) func(*testing.T, int) {
	return func(t *testing.T, port int) {
		listener := p.ns.Listen(p.address(port))
		if certificate != nil {
			listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*certificate}})
		}
		server := &http.Server{ReadHeaderTimeout: bound, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path != "/healthz":
				w.WriteHeader(http.StatusNotFound)
			case p.broken.Load():
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				w.WriteHeader(http.StatusNoContent)
			}
		})}
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(func() { _ = server.Close() })
	}
}

// hanging is an HTTP server that, while it is broken, accepts and says nothing.
func (p *patient) hanging(_ *testing.T, port int) {
	go accept(p.ns.Listen(p.address(port)), func(conn net.Conn) {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(bound))
		request := make([]byte, 4096)
		if _, err := conn.Read(request); err != nil {
			return
		}
		if p.broken.Load() {
			_, _ = conn.Read(request) // until the probe has had enough
			return
		}
		_, _ = fmt.Fprint(conn, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
	})
}

// udp answers a datagram, none while it is broken.
func (p *patient) udp(_ *testing.T, port int) {
	p.datagrams(port, func([]byte) []byte { return []byte("pong") })
}

// dns knows one name, and while it is broken answers nobody.
func (p *patient) dns(_ *testing.T, port int) {
	p.datagrams(port, func(question []byte) []byte {
		var m dnsmessage.Message
		if err := m.Unpack(question); err != nil || len(m.Questions) != 1 {
			return nil
		}
		m.Response = true
		if q := m.Questions[0]; q.Name.String() == "www.example.com." && q.Type == dnsmessage.TypeA {
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 10}},
			}}
		} else {
			m.RCode = dnsmessage.RCodeNameError
		}
		m.Additionals = nil
		answer, err := m.Pack()
		if err != nil {
			return nil
		}
		return answer
	})
}

func (p *patient) datagrams(port int, f func([]byte) []byte) {
	conn := p.ns.ListenUDP(p.address(port))
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buffer)
			if err != nil {
				return // closed with the test
			}
			if answer := f(buffer[:n]); answer != nil && !p.broken.Load() {
				_, _ = conn.WriteToUDPAddrPort(answer, from)
			}
		}
	}()
}

// selfSigned is a certificate for a name and an address, and itself in PEM form.
func selfSigned(t *testing.T, name, address string) (*tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{name}, IPAddresses: []net.IP{net.ParseIP(address)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
