package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"linedirector/test/netlab"
)

// generated is what the generator's JSON says, as far as this test looks at it.
type generated struct {
	Requests, Answers struct {
		Sent, Received, Lost, Duplicates, Reordered int
	}
	Connections struct {
		Opened, Completed, Failed, Cut int
	}
	Flows struct {
		Asked, Unopened int
		Seen            int `json:"seen_by_servers"`
	}
	Errors map[string]int
}

// TestGenerator has perf/generator play clients and servers: datagrams, segments over open connections, and connections
// that come and go, at small rates. Nothing is lost, the servers see every flow, and the director holds nothing in the end.
//
//	generator                                             director
//	gen-c  198.18.0.0/16 behind 192.0.2.254 ───── eth-out [outside] 192.0.2.1, virtual 192.0.2.10
//	gen-s  10.0.0.8/29 ────────────────────────── eth-in  [inside]  10.0.0.1
func TestGenerator(t *testing.T) {
	if !manyProcessors {
		t.Skip("needs two processors: the generator keeps one busy")
	}
	lab := netlab.New(t)
	s := &site{Lab: lab, client: lab.Namespace("generator"), director: lab.Namespace("director")}
	s.client.Run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
	lab.Link(netlab.End{Namespace: s.client, Interface: "gen-c"}, netlab.End{Namespace: s.director, Interface: "eth-out", Untouched: true})
	lab.Link(netlab.End{Namespace: s.client, Interface: "gen-s"}, netlab.End{Namespace: s.director, Interface: "eth-in", Untouched: true})
	program := filepath.Join(t.TempDir(), "generator")
	if out, err := exec.Command("go", "build", "-o", program, "linedirector/perf/generator").CombinedOutput(); err != nil {
		t.Fatalf("building the generator: %v\n%s", err, out)
	}
	mac := func(iface string) string {
		return strings.TrimSpace(s.client.Run("cat", "/sys/class/net/"+iface+"/address"))
	}
	// Long rings bridge what else goes on on the machine; static neighbours spare the seconds until the kernel asks again for
	// those that did not answer while no generator ran.
	d := s.start(t, oneWorker, `ports:
  - {name: outside, device: "net_af_packet0,iface=eth-out,framecnt=2048", addresses: [192.0.2.1/24], side: clients}
  - {name: inside, device: "net_af_packet1,iface=eth-in,framecnt=2048", addresses: [10.0.0.1/24], side: reals}
routes:
  - {to: 198.18.0.0/16, via: 192.0.2.254}
neighbours:
  - {port: outside, address: 192.0.2.254, mac: "`+mac("gen-c")+`"}
  - {port: inside, address: 10.0.0.11, mac: "`+mac("gen-s")+`"}
  - {port: inside, address: 10.0.0.12, mac: "`+mac("gen-s")+`"}
  - {port: inside, address: 10.0.0.13, mac: "`+mac("gen-s")+`"}
`+strings.Replace(webAndEcho, "udp-idle: 2s", "udp-idle: 5s", 1))

	play := func(t *testing.T, flags ...string) (g generated) {
		t.Helper()
		args := append([]string{
			program, "--client-device", "net_af_packet0,iface=gen-c,framecnt=2048", "--server-device", "net_af_packet1,iface=gen-s,framecnt=2048",
			"--servers", "10.0.0.8/29", "--answer", "192.0.2.254", "--lcore", "0", "--mbufs", "8192", "--no-huge",
			"--warm-up", "100ms", "--duration", "1500ms", "--open-rate", "500", "--timeout", "30s", "--json", "-",
		}, flags...)
		p := s.client.Start(args...)
		code, err := p.Wait(3 * bound)
		if err != nil {
			t.Fatal(err)
		}
		if code != 0 {
			t.Fatalf("exit code %d: %s", code, p.Output())
		}
		if err := json.Unmarshal([]byte(p.Output()), &g); err != nil {
			t.Fatalf("%v: %s", err, p.Output())
		}
		for what, n := range g.Errors {
			if n != 0 && what != "behind" && what != "other" { // others' frames, as ARP, may pass
				t.Errorf("%d %s", n, what)
			}
		}
		if g.Flows.Seen != g.Flows.Asked || g.Flows.Unopened != 0 {
			t.Errorf("flows: %+v", g.Flows)
		}
		if r, a := g.Requests, g.Answers; r.Sent == 0 || r.Received != r.Sent || a.Received != r.Sent || r.Lost+r.Duplicates+r.Reordered+a.Lost+a.Duplicates+a.Reordered != 0 {
			t.Errorf("requests: %+v, answers: %+v", r, a)
		}
		return g
	}
	t.Run("udp", func(t *testing.T) {
		play(t, "--virtual", "192.0.2.10:7", "--flows", "200", "--rate", "1000", "--imix", "simple", "--echo")
		if got := d.metrics().get(t, "connections_total", "virtual", "echo"); got != 200 {
			t.Errorf("the director counts %v connections, want 200", got)
		}
	})
	t.Run("tcp", func(t *testing.T) {
		play(t, "--mode", "tcp", "--virtual", "192.0.2.10:80", "--flows", "100", "--rate", "500", "--echo")
		if got := d.metrics().get(t, "connections_total", "virtual", "web"); got != 100 {
			t.Errorf("the director counts %v connections, want 100", got)
		}
	})
	t.Run("churn", func(t *testing.T) {
		before := d.metrics().get(t, "connections_total", "virtual", "web")
		g := play(t, "--mode", "churn", "--virtual", "192.0.2.10:80", "--flows", "50", "--rate", "100", "--requests", "2", "--size", "200")
		if c := g.Connections; c.Opened < 100 || c.Completed < c.Opened || c.Failed+c.Cut != 0 {
			t.Errorf("%+v", c)
		}
		if got := d.metrics().get(t, "connections_total", "virtual", "web") - before; got < float64(g.Connections.Completed) {
			t.Errorf("the director counts %v connections, the generator completed %d", got, g.Connections.Completed)
		}
	})
	d.drained(webVirtuals...)
	d.stop()
}
