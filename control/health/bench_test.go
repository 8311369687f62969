package health

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// The servers of benchmarks run in a process of their own, this test anew, so that their cost is not counted.
const beServers = "HEALTH_TEST_SERVERS"

func TestMain(m *testing.M) {
	if os.Getenv(beServers) != "" {
		serveMany()
		return
	}
	os.Exit(m.Run())
}

const many = 1000

func manyth(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 9, byte(i >> 8), byte(i)}) }

// serveMany listens on a port of many addresses, TCP, UDP and TLS; says which, and its authority, and serves until stdin ends.
func serveMany() {
	var t testing.T
	ca := newAuthority(&t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.sign(&t, "real.example", time.Now().Add(time.Hour))}}
	page := answers("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n")
	port := func(listen func(address string) string) string {
		_, port, _ := net.SplitHostPort(listen(manyth(0).String() + ":0"))
		for i := 1; i < many; i++ {
			listen(manyth(i).String() + ":" + port)
		}
		return port
	}
	tcp := func(serve func(net.Conn)) func(string) string {
		return func(address string) string {
			l, err := net.Listen("tcp", address)
			if err != nil {
				panic(err)
			}
			go accept(l, serve)
			return l.Addr().String()
		}
	}
	udp := func(answer func([]byte) [][]byte) func(string) string {
		return func(address string) string {
			c, err := net.ListenPacket("udp", address)
			if err != nil {
				panic(err)
			}
			go serveDatagrams(c, answer)
			return c.LocalAddr().String()
		}
	}
	fmt.Println(
		port(tcp(page)),
		port(tcp(func(c net.Conn) { page(tls.Server(c, config)) })),
		port(udp(func(b []byte) [][]byte { return [][]byte{[]byte("pong")} })),
		port(udp(func(b []byte) [][]byte {
			return [][]byte{dnsAnswer(b, nil, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}})}
		})),
		base64.StdEncoding.EncodeToString(ca.cert.Raw))
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// A thousand reals are probed once a second. An operation is a second of that; what counts are the metrics a probe, of this
// process alone. Run it with -benchtime 5x.
func BenchmarkThousandReals(b *testing.B) {
	servers := exec.Command(os.Args[0])
	servers.Env = append(os.Environ(), beServers+"=yes")
	servers.Stderr = os.Stderr
	stdin, err := servers.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := servers.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := servers.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = stdin.Close()
		_ = servers.Wait()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	said := strings.Fields(line)
	port := func(i int) uint16 {
		n, err := strconv.ParseUint(said[i], 10, 16)
		if err != nil {
			b.Fatal(err)
		}
		return uint16(n)
	}
	der, err := base64.StdEncoding.DecodeString(said[4])
	if err != nil {
		b.Fatal(err)
	}
	ca, err := x509.ParseCertificate(der)
	if err != nil {
		b.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	ok := regexp.MustCompile("ok")

	for _, spec := range []Spec{
		{Type: ICMP},
		{Type: TCP, Port: port(0)},
		{Type: HTTP, Port: port(0), Body: ok},
		{Type: HTTPS, Port: port(1), Body: ok, SNI: "real.example", Verify: true, Roots: roots},
		{Type: UDP, Port: port(2), Send: []byte("ping"), Expect: regexp.MustCompile("pong")},
		{Type: DNS, Port: port(3), Query: "real.example", Answer: "192.0.2.1"},
	} {
		spec.Interval, spec.Timeout, spec.Jitter, spec.Rise, spec.Fall = time.Second, time.Second, 0.1, 2, 3
		b.Run(spec.Type.String(), func(b *testing.B) { benchmark(b, spec) })
	}
}

func benchmark(b *testing.B, spec Spec) {
	if spec.Type == ICMP && os.Getuid() != 0 {
		b.Skip("ICMP takes root")
	}
	p := New(zap.NewNop(), func(c Change) { b.Errorf("%s is down: %s", c.Real, c.Cause) })
	defer p.Close()
	targets := make([]Target, many)
	for i := range targets {
		targets[i] = Target{Real: strconv.Itoa(i), Address: manyth(i), Spec: spec}
	}
	p.Set(targets)
	time.Sleep(3 * time.Second) // all have their phase
	sum := func() (probes, failures uint64) {
		for _, s := range p.Status() {
			probes += s.Probes
			failures += s.Failures
		}
		return probes, failures
	}
	var before, after runtime.MemStats
	probes, failures := sum()
	runtime.ReadMemStats(&before)
	used := cpu(b)
	for b.Loop() {
		time.Sleep(time.Second)
	}
	used = cpu(b) - used
	runtime.ReadMemStats(&after)
	probed, failed := sum()
	if failed != failures {
		b.Errorf("%d of %d probes failed", failed-failures, probed-probes)
	}
	n := float64(probed - probes)
	b.ReportMetric(float64(used.Microseconds())/n, "cpu-us/probe")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/probe")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/probe")
	b.ReportMetric(n/b.Elapsed().Seconds(), "probes/s")
	b.ReportMetric(0, "ns/op")
}

// cpu is what this process has used, in user and kernel mode.
func cpu(b *testing.B) time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
