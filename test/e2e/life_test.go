package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// traces describes everything in the director's namespace that it may change: interfaces, addresses,
// routes, rules, offloads, IPv6; and its control socket.
func (s *site) traces(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	for _, command := range [][]string{
		// Without the carrier's state, which a veth pair reports late.
		{"sh", "-c", `ip -oneline link show | sed -E 's/(NO-CARRIER,|,LOWER_UP| state [A-Z]+)//g'`},
		{"ip", "-brief", "-4", "address", "show"},
		{"ip", "route", "show", "table", "all", "scope", "link"},
		{"ip", "route", "show"},
		{"nft", "list", "tables"},
		{"ethtool", "-k", "eth-out"},
		{"ethtool", "-k", "eth-in"},
		{"sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.eth-out.disable_ipv6", "net.ipv6.conf.eth-in.disable_ipv6"},
		{"ss", "-Hltn"},
		{"find", s.Dir(), "-type", "s"},
	} {
		fmt.Fprintf(&text, "$ %s\n%s", strings.Join(command, " "), s.director.Run(command...))
	}
	return text.String()
}

// differences lists the lines that only one of two texts has.
func differences(before, after string) string {
	count := map[string]int{}
	for line := range strings.Lines(before) {
		count[line]--
	}
	for line := range strings.Lines(after) {
		count[line]++
	}
	var text strings.Builder
	for line, n := range count {
		if n < 0 {
			text.WriteString("- " + line)
		} else if n > 0 {
			text.WriteString("+ " + line)
		}
	}
	return text.String()
}

// TestStop ends the director by SIGTERM, and by SIGINT, with connections open, and wants nothing of it left.
func TestStop(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			s := newSite(t)
			s.web(t)
			before := s.traces(t)
			d := s.start(t, oneWorker, ports(1)+webAndEcho)
			if during := s.traces(t); !strings.Contains(during, "outside") || !strings.Contains(during, "table netdev") ||
				!strings.Contains(during, "control.sock") {
				t.Errorf("no tap, no netdev table or no control socket while it runs:\n%s", differences(before, during))
			}
			held, err := s.dial(10, "192.0.2.10:80")
			if err != nil {
				t.Error(err)
			}
			for _, conn := range held {
				defer conn.Close()
			}
			d.Signal(signal)
			code, err := d.Wait(bound)
			if err != nil {
				t.Fatal(err)
			}
			if code != 0 {
				t.Errorf("exit code %d, want 0; it printed:\n%s", code, d.Output())
			}
			if left := differences(before, s.traces(t)); left != "" {
				t.Errorf("it left:\n%s", left)
			}
			if _, err := os.Stat(filepath.Dir(d.socket)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder that it made for its control socket is still there: %v", err)
			}
			if _, err := d.scrape(); err == nil {
				t.Error("/metrics still answers")
			}
		})
	}
}

// TestKilled kills the director with SIGKILL and starts it again, three times, without a hand between: neither its
// interfaces nor its control socket, both of which it leaves, are in the way.
func TestKilled(t *testing.T) {
	s := newSite(t)
	s.web(t)
	before := s.traces(t)
	var d *director
	for round := range 4 {
		d = s.start(t, oneWorker, ports(1)+webAndEcho)
		s.ab(t, 200, "-c", "4", "http://192.0.2.10/")
		if got := len(d.showReals()); got != len(threeReals) {
			t.Errorf("after %d kills ldctl shows %d reals, want %d", round, got, len(threeReals))
		}
		if round == 3 {
			break
		}
		d.Signal(syscall.SIGKILL)
		if code, err := d.Wait(bound); err != nil || code != -1 {
			t.Fatalf("exit code %d, %v", code, err)
		}
		if _, err := os.Lstat(d.socket); err != nil {
			t.Errorf("a killed director left no socket, so the next start shows nothing: %v", err)
		}
	}
	d.stop()
	if left := differences(before, s.traces(t)); left != "" {
		t.Errorf("after SIGKILL, a new start and SIGTERM this is left:\n%s", left)
	}
}

// TestTwoDirectors runs two of them on one machine, each on a core of its own.
//
// It is the usual network twice, side by side.
func TestTwoDirectors(t *testing.T) {
	var sites []*site
	var directors []*director
	for i := range 2 {
		setup := oneWorker
		if i == 1 || !manyProcessors {
			setup.lcores = "0"
		}
		s := newSite(t)
		s.web(t)
		sites = append(sites, s)
		directors = append(directors, s.start(t, setup, ports(1)+webAndEcho))
	}
	errs := make(chan error, len(sites))
	for _, s := range sites {
		go func() {
			out, err := s.client.Try("ab", "-q", "-s", "10", "-n", "2000", "-c", "8", "http://192.0.2.10/")
			if err == nil {
				err = judgeAB(out, 2000)
			}
			errs <- err
		}()
	}
	for range sites {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for i, d := range directors {
		// ab opens up to eight connections more than it needs.
		if got := d.metrics().get(t, "connections_total"); got < 2000 || got > 2008 {
			t.Errorf("director %d counts %v connections, want 2000", i, got)
		}
	}
	// The end of one is nothing to the other.
	directors[0].stop()
	sites[1].ab(t, 500, "-c", "8", "http://192.0.2.10/")
}

// TestMetrics wants every metric that operators were promised, each with help.
func TestMetrics(t *testing.T) {
	s := newSite(t)
	s.web(t)
	d := s.start(t, oneWorker, ports(1)+webAndEcho)
	s.fetchMany(t, 100, "http://192.0.2.10/")
	m := d.metrics()
	for _, want := range []struct {
		name   string
		labels []string
	}{
		{"flows_open", nil},
		{"flows_guests", nil},
		{"flows_opened_total", nil},
		{"flows_closed_total", nil},
		{"real_connections", []string{"real", "a"}},
		{"virtual_connections", []string{"virtual", "web"}},
		{"connections_total", []string{"virtual", "web", "real", "b"}},
		{"packets_total", nil},
		{"bytes_total", nil},
		{"handed_over_packets_total", nil},
		{"worker_busy_cycles_total", []string{"worker", "0"}},
		{"worker_cycles_total", []string{"worker", "0"}},
	} {
		if _, ok := m.sum(want.name, want.labels...); !ok {
			t.Errorf("no metric linedirector_%s %v", want.name, want.labels)
		}
	}
	directions := map[string]bool{}
	for _, one := range m {
		if one.name == "linedirector_packets_total" {
			directions[one.labels["direction"]] = one.value > 0
		}
	}
	if len(directions) < 2 {
		t.Errorf("linedirector_packets_total has the directions %v, want two", directions)
	}
	if busy, all := m.get(t, "worker_busy_cycles_total"), m.get(t, "worker_cycles_total"); busy <= 0 || busy > all {
		t.Errorf("busy cycles %v of %v", busy, all)
	}
	if got := m.get(t, "connections_total", "virtual", "web"); got != 100 {
		t.Errorf("linedirector_connections_total of web is %v, want 100", got)
	}
	page, err := s.director.Try("curl", "--silent", "--fail", "http://"+metricsAddress+"/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (linedirector_\S+)`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, "# HELP "+match[1]+" ") {
			t.Errorf("%s has no help", match[1])
		}
	}
}
