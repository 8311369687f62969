package e2e

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// Addresses of the network that doc.go shows.
const (
	clientAddress  = "192.0.2.100"
	outsideAddress = "192.0.2.1"
	insideAddress  = "10.0.0.1"
	virtualAddress = "192.0.2.10"
)

// realAddresses are those of the reals.
var realAddresses = map[string]string{"a": "10.0.0.11", "b": "10.0.0.12", "c": "10.0.0.13", "d": "10.0.0.14"}

// The reals of a site: the usual ones, and with the fourth.
var (
	threeReals = []string{"a", "b", "c"}
	fourReals  = []string{"a", "b", "c", "d"}
)

// site is the network that doc.go shows.
type site struct {
	*netlab.Lab
	client, director *netlab.Namespace
	reals            map[string]*netlab.Namespace
	lags             map[string]*netlab.Lag // by real, of those that have one
}

func newSite(t *testing.T) *site {
	t.Helper()
	return newSiteOf(t, threeReals)
}

// newSiteOf is newSite with these reals, of which some have a wire to the switch whose delay can be set.
func newSiteOf(t *testing.T, names []string, lagging ...string) *site {
	t.Helper()
	lab := netlab.New(t)
	s := &site{
		Lab:      lab,
		client:   lab.Namespace("client"),
		director: lab.Namespace("director"),
		reals:    map[string]*netlab.Namespace{},
		lags:     map[string]*netlab.Lag{},
	}
	lab.Link(
		netlab.End{Namespace: s.client, Interface: "eth0", Address: clientAddress + "/24"},
		netlab.End{Namespace: s.director, Interface: "eth-out", Untouched: true})
	ends := []netlab.End{{Namespace: s.director, Interface: "eth-in", Untouched: true}}
	wires := map[string]*netlab.Namespace{}
	for _, name := range names {
		s.reals[name] = lab.Namespace(name)
		end := netlab.End{Namespace: s.reals[name], Interface: "eth0", Address: realAddresses[name] + "/24"}
		if slices.Contains(lagging, name) {
			wires[name] = lab.Namespace("wire-" + name)
			lab.Link(netlab.End{Namespace: wires[name], Interface: "far"}, end)
			end = netlab.End{Namespace: wires[name], Interface: "near"}
		}
		ends = append(ends, end)
	}
	lab.Switch("switch", ends...)
	for name, wire := range wires {
		s.lags[name] = wire.Lag("near", "far")
	}
	for _, name := range s.names() {
		s.reals[name].Run("ip", "route", "add", "default", "via", insideAddress)
	}
	return s
}

// names are those of the reals, in order.
func (s *site) names() []string { return slices.Sorted(maps.Keys(s.reals)) }

// ports is the part of the configuration that describes the two ports.
func ports(queues int) string {
	return fmt.Sprintf(`ports:
  - {name: outside, device: "net_af_packet0,iface=eth-out%[1]s", addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: "net_af_packet1,iface=eth-in%[1]s", addresses: [10.0.0.1/24], side: reals}
`, qpairs(queues))
}

func qpairs(queues int) string {
	if queues == 1 {
		return ""
	}
	return fmt.Sprintf(",qpairs=%d", queues)
}

// webAndEcho is the rest of the configuration where a test has no wishes of its own: the three reals behind
// one virtual for HTTP and one for UDP echoes, with short timers.
const webAndEcho = `reals:
  - {name: a, address: 10.0.0.11, port: 8080}
  - {name: b, address: 10.0.0.12, port: 8080}
  - {name: c, address: 10.0.0.13, port: 8080}
virtuals:
  - name: web
    address: 192.0.2.10
    port: 80
    protocol: tcp
    timers: {half-open: 5s, idle: 20s, close-delay: 1s}
    reals: [a, b, c]
  - name: echo
    address: 192.0.2.10
    port: 7
    protocol: udp
    timers: {udp-idle: 2s}
    reals: [a, b, c]
`

// webVirtuals are the virtuals of webAndEcho.
var webVirtuals = []string{"web", "echo"}

// director is a running linedirector.
type director struct {
	*netlab.Process
	t          *testing.T
	ns         *netlab.Namespace
	reals      []string  // of its site
	config     string    // its file
	socket     string    // its control socket
	forwarding time.Time // since when
}

// bound is how long the director may take to begin, to follow a change, to end.
const bound = 15 * time.Second

// metricsAddress is in the director's own namespace, hence the same for all.
const metricsAddress = "127.0.0.1:9480"

// start runs linedirector with this configuration until it says that its ports forward.
func (s *site) start(t *testing.T, setup setup, config string, flags ...string) *director {
	t.Helper()
	d := &director{t: t, ns: s.director, reals: s.names(), config: s.WriteFile("linedirector.yaml", config)}
	d.socket = socketOf(d.config)
	d.Process = s.director.Start(append(commandLine(setup, d.config), flags...)...)
	t.Cleanup(func() {
		if t.Failed() && d.Alive() {
			d.autopsy()
		}
	})
	d.ready()
	return d
}

// autopsy logs what tells where packets may have been lost.
func (d *director) autopsy() {
	if m, err := d.scrape(); err == nil {
		d.t.Logf("metrics:\n%v", m)
	}
	d.t.Log(d.ns.Run("ip", "-statistics", "link", "show"))
	d.t.Log(d.ns.Run("sh", "-c", "grep -E '^(Icmp|Ip):' /proc/net/snmp"))
}

// commandLine is how linedirector is started: small, since many may run on one machine.
func commandLine(setup setup, config string) []string {
	args := []string{
		program, "--config", config, "--lcores", setup.lcores,
		"--flows", "65536", "--mbufs", "16384", "--metrics", metricsAddress, "--control-socket", socketOf(config),
	}
	if !hugepages() {
		args = append(args, "--no-huge")
	}
	return args
}

// socketOf is the control socket of the director with this configuration. A network namespace does not keep Unix sockets
// apart: each lab has its own, in a folder that the director has to make.
func socketOf(config string) string {
	return filepath.Join(filepath.Dir(config), "run", "control.sock")
}

// hugepages tells whether enough of them are free for one director.
func hugepages() bool {
	text, err := os.ReadFile("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
	if err != nil {
		return false
	}
	var free int
	_, err = fmt.Sscan(string(text), &free)
	return err == nil && free >= 128
}

// ready waits until /metrics answers, which is when every port forwards, and the control socket, which comes last.
func (d *director) ready() {
	d.t.Helper()
	err := netlab.Eventually(2*bound, func() error {
		if !d.Alive() {
			return netlab.Final(fmt.Errorf("linedirector ended: %s", d.Output()))
		}
		if _, err := d.scrape(); err != nil {
			return err
		}
		conn, err := net.Dial("unix", d.socket)
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	if err != nil {
		d.t.Fatalf("linedirector is not ready: %v", err)
	}
	d.forwarding = time.Now()
}

// stop ends the director as an operator does, and wants exit code 0.
func (d *director) stop() {
	d.t.Helper()
	d.Signal(syscall.SIGTERM)
	if code, err := d.Wait(bound); err != nil {
		d.t.Fatal(err)
	} else if code != 0 {
		d.t.Errorf("exit code %d after SIGTERM, want 0; it printed:\n%s", code, d.Output())
	}
}

// pastSilence waits until the director answers packets that belong to no flow: in the first 3 seconds it
// keeps silent about them.
func (d *director) pastSilence() { time.Sleep(time.Until(d.forwarding.Add(4 * time.Second))) }

// realAddress is where a real listens.
func realAddress(name string, port int) string {
	return fmt.Sprintf("%s:%d", realAddresses[name], port)
}

// web runs an nginx on each of the named reals (all, if none is named), on port 8080, which serves
// the folder that it returns. Their answers to / differ in one letter, not in length.
func (s *site) web(t *testing.T, names ...string) map[string]*nginx {
	t.Helper()
	if len(names) == 0 {
		names = s.names()
	}
	servers := map[string]*nginx{}
	for _, name := range names {
		servers[name] = s.nginx(t, name)
	}
	return servers
}

// nginx is one real web server.
type nginx struct {
	*netlab.Process
	Root string // the folder that it serves
	log  string
}

func (s *site) nginx(t *testing.T, name string) *nginx {
	t.Helper()
	dir := filepath.Join(s.Dir(), "nginx-"+name)
	n := &nginx{Root: filepath.Join(dir, "www"), log: filepath.Join(dir, "access.log")}
	if err := os.MkdirAll(n.Root, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.Root, "index.html"), []byte("real "+name+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	config := s.WriteFile("nginx-"+name+"/nginx.conf", `# one real of a test, without a system's nginx
daemon off;
user root;
worker_processes 1;
error_log stderr warn;
pid `+dir+`/nginx.pid;
events { worker_connections 8192; }
http {
	log_format line "$remote_addr $request_uri $status";
	access_log `+n.log+` line;
	client_body_temp_path `+dir+`/body;
	proxy_temp_path `+dir+`/proxy;
	fastcgi_temp_path `+dir+`/fastcgi;
	uwsgi_temp_path `+dir+`/uwsgi;
	scgi_temp_path `+dir+`/scgi;
	client_max_body_size 0;
	sendfile on;
	server {
		listen `+realAddress(name, 8080)+` backlog=8192;
		root `+n.Root+`;
		dav_methods PUT;
	}
}
`)
	n.Process = s.reals[name].Start("nginx", "-p", dir, "-c", config)
	err := netlab.Eventually(bound, func() error {
		if !n.Alive() {
			return netlab.Final(fmt.Errorf("nginx ended: %s", n.Output()))
		}
		conn, err := s.reals[name].Dial(t.Context(), "tcp4", realAddress(name, 8080))
		if err == nil {
			_ = conn.Close()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// requests is how many requests the server has logged; nginx writes the line once it has answered.
func (n *nginx) requests(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(n.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(text), "\n")
}

// echo answers UDP datagrams on each of the reals, on port 8080: "a:" before what came.
func (s *site) echo() {
	for _, name := range s.names() {
		conn := s.reals[name].ListenUDP(realAddress(name, 8080))
		go func() {
			buffer := make([]byte, 1<<16)
			copy(buffer, name+":")
			for {
				n, from, err := conn.ReadFromUDPAddrPort(buffer[2:])
				if err != nil {
					return // closed with the test
				}
				_, _ = conn.WriteToUDPAddrPort(buffer[:2+n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
			}
		}()
	}
}
