package conf

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var equalAddrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

var equalPrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

// The configuration of the README and of the specification of this format.
const whole = `ports:
  - name: outside
    device: net_af_packet0,iface=eth1
    addresses: [192.0.2.1/24]
    side: clients
  - name: inside
    device: "0000:3b:00.1"
    addresses: [10.0.0.1/24]
routes:
  - {to: 0.0.0.0/0, via: 192.0.2.254}
neighbours:
  - {port: inside, address: 10.0.0.12, mac: 02:00:00:00:00:0c}
transit: route
reals:
  - {name: a, address: 10.0.0.11, port: 8080, weight: 3}
  - {name: b, address: 10.0.0.12}
virtuals:
  - name: web
    address: 192.0.2.10
    port: 80
    protocol: udp
    predictor: weighted
    timers: {half-open: 1s, idle: 24h, close-delay: 1m30s, udp-idle: 500ms}
    unknown: drop
    reals: [a, b]
  - {name: bare, address: 192.0.2.10, port: 80}
`

func TestParseReadsEveryKey(t *testing.T) {
	got, err := Parse("director.yaml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Name: "director.yaml",
		Text: []byte(whole),
		Ports: []Port{
			{
				Name: "outside", Device: "net_af_packet0,iface=eth1", Side: SideClients,
				Addresses: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}, Pos: Pos{2, 5},
			},
			{
				Name: "inside", Device: "0000:3b:00.1", Side: SideBoth,
				Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}, Pos: Pos{6, 5},
			},
		},
		Routes: []Route{{
			To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.254"), Pos: Pos{10, 5},
		}},
		Neighbours: []Neighbour{{
			Port: "inside", Address: netip.MustParseAddr("10.0.0.12"), MAC: [6]byte{2, 0, 0, 0, 0, 12}, Pos: Pos{12, 5},
		}},
		Transit: TransitRoute,
		Reals: []Real{
			{
				Name: "a", Address: netip.MustParseAddr("10.0.0.11"), Port: 8080, Weight: 3, Pos: Pos{15, 5},
				Threshold: 8, Retry: 60 * time.Second, SlowStart: 30 * time.Second,
			},
			{
				Name: "b", Address: netip.MustParseAddr("10.0.0.12"), Port: 0, Weight: 1, Pos: Pos{16, 5},
				Threshold: 8, Retry: 60 * time.Second, SlowStart: 30 * time.Second,
			},
		},
		Virtuals: []Virtual{
			{
				Name: "web", Address: netip.MustParseAddr("192.0.2.10"), Port: 80, Protocol: UDP, Predictor: Weighted, Aging: DefaultAging,
				Timers: Timers{
					HalfOpen: time.Second, Idle: 24 * time.Hour,
					CloseDelay: 90 * time.Second, UDPIdle: 500 * time.Millisecond,
				},
				Unknown: Drop, Reals: []string{"a", "b"}, Pos: Pos{18, 5},
				Reassign: 3, ReassignAfter: 2500 * time.Millisecond, NoReal: Drop,
			},
			{
				Name: "bare", Address: netip.MustParseAddr("192.0.2.10"), Port: 80, Protocol: TCP, Predictor: LeastConns, Aging: DefaultAging,
				Timers:   Timers{30 * time.Second, 3600 * time.Second, 10 * time.Second, 60 * time.Second},
				Reassign: 3, ReassignAfter: 2500 * time.Millisecond,
				Pos: Pos{26, 5},
			},
		},
	}
	if diff := cmp.Diff(want, got, equalAddrs, equalPrefixes, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestExamplesLoad(t *testing.T) {
	files, err := filepath.Glob("examples/*")
	if err != nil || len(files) < 6 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	for _, file := range files {
		c, err := Load(file, nil)
		if err != nil {
			t.Errorf("%s:\n%v", file, err)
			continue
		}
		if len(c.Virtuals) == 0 || len(c.Virtuals[0].Reals) < 2 {
			t.Errorf("%s holds no virtual with two reals", file)
		}
	}
}

// An operator finds each key in one of the examples.
func TestExamplesShowEveryKey(t *testing.T) {
	var text []byte
	files, _ := filepath.Glob("examples/*.yaml")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	for _, key := range slices.Concat(topKeys, classKeys, realKeys, virtualKeys, stickyKeys, bindingKeys, templateKeys) {
		if !regexp.MustCompile(`(?m)(^ *(- )?|{|, )`+key+`:( |\n)`).Match(text) && key != "ca" { // needs a file
			t.Errorf("no example has %s", key)
		}
	}
}

// What counts as absent, shared lists, odd but valid spellings.
func TestParseAccepts(t *testing.T) {
	const ports = "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\n"
	const reals = "reals: [{name: a, address: 10.0.0.11}, {name: b, address: 10.0.0.12}]\n"
	for name, text := range map[string]string{
		"ports only":                ports,
		"empty keys":                ports + "routes:\nneighbours:\ntransit:\nreals:\nvirtuals:\n",
		"virtual without reals":     ports + "virtuals: [{name: w, address: 10.0.0.9, port: 80}]\n",
		"empty timers":              ports + "virtuals: [{name: w, address: 10.0.0.9, port: 80, timers: , reals: []}]\n",
		"same endpoint, tcp, udp":   ports + "virtuals: [{name: w, address: 10.0.0.9, port: 53}, {name: x, address: 10.0.0.9, port: 53, protocol: udp}]\n",
		"numbers as names":          ports + "reals: [{name: 1, address: 10.0.0.11}]\nvirtuals: [{name: 2, address: 10.0.0.9, port: 80, reals: [1]}]\n",
		"/31 and /32":               "ports: [{name: p, device: net_null0, addresses: [10.0.0.0/31, 10.9.0.1/32]}]\nreals: [{name: a, address: 10.0.0.1}]\n",
		"two addresses of a subnet": "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24, 10.0.0.2/24, 10.0.0.3/25]}]\n",
		"subnets side by side":      "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/25]}, {name: q, device: net_null1, addresses: [10.0.0.129/25]}]\n",
		"address behind a route":    ports + "routes: [{to: 10.8.0.0/16, via: 10.0.0.254}]\nreals: [{name: a, address: 10.8.1.1}]\n",
		"one server, two ports":     ports + "reals: [{name: a, address: 10.0.0.11, port: 1}, {name: b, address: 10.0.0.11, port: 2}]\n",
		"virtual on our own":        ports + "virtuals: [{name: w, address: 10.0.0.1, port: 80}]\n",
		"aliases":                   ports + reals + "virtuals:\n- {name: w, address: 10.0.0.9, port: 80, timers: &t {idle: 1h}, reals: &r [a, b]}\n- {name: x, address: 10.0.0.9, port: 81, timers: *t, reals: *r}\n",
		"device arguments":          "ports: [{name: p, device: 'net_pcap0,rx_pcap=/a b.pcap,infinite_rx=1', addresses: [10.0.0.1/24]}]\n",
		"PCI without domain":        "ports: [{name: p, device: '3B:00.1,queues=4', addresses: [10.0.0.1/24]}]\n",
		"byte order mark, CR LF":    "\ufeff" + strings.ReplaceAll(ports, "\n", "\r\n"),
		"document marks":            "---\n" + ports + "...\n",
		"JSON on one line":          `{"ports":[{"name":"p","device":"net_null0","addresses":["10.0.0.1/24"]}]}`,
		"JSON indented by tabs":     "{\n\t\"ports\": [\n\t\t{\"name\": \"p\", \"device\": \"net_null0\", \"addresses\": [\"10.0.0.1/24\"]}\n\t]\n}\n",
	} {
		if _, err := Parse("f.yaml", []byte(text)); err != nil {
			t.Errorf("%s:\n%v", name, err)
		}
	}
}

func TestAliasesShareTheirList(t *testing.T) {
	c, err := Load("examples/two-ports-with-nic.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := c.Virtuals[0].Reals, c.Virtuals[1].Reals; len(a) != 3 || &a[0] != &b[0] {
		t.Errorf("%v and %v are two lists", a, b)
	}
}

func TestLoad(t *testing.T) {
	c, err := Load("-", strings.NewReader(whole))
	if err != nil || c.Name != "<stdin>" {
		t.Errorf("standard input: %+v, %v", c, err)
	}
	_, err = Load("-", strings.NewReader("ports"))
	wantError(t, err, `<stdin>:1:1: want keys and values, not "ports"; the keys here are ports, routes, neighbours, classes, transit, secure, probes, reals and virtuals`)
	_, err = Load("-", iotest.ErrReader(errors.New("broken pipe")))
	wantError(t, err, "<stdin>: cannot be read: broken pipe; give --config the path of a configuration file")

	dir := t.TempDir()
	_, err = Load(filepath.Join(dir, "none.yaml"), nil)
	wantError(t, err, dir+"/none.yaml: no such file; give --config the path of a configuration file")
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v is not ErrNotExist", err)
	}
	_, err = Load(dir, nil)
	wantError(t, err, dir+": this is a directory; give --config the path of a configuration file")
	file := filepath.Join(dir, "empty.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Load(file, nil)
	wantError(t, err, file+":1:1: the file is empty; add ports, reals and virtuals (--help shows an example)")
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error\nwant %s", want)
	} else if got := err.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
