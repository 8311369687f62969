package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"linedirector/test/netlab"
)

// refusal is a way to start linedirector that must end in one line and an exit code other than 0.
type refusal struct {
	name   string
	config string   // the file's text
	file   string   // or the file itself
	under  []string // the command that runs linedirector
	flags  []string
	names  []string // the place: words that the line must hold
	mend   string   // what to do about it: words that stand behind the place
}

// TestErrors starts the director in every wrong way that an operator may. Each answer is one line with
// the place and the mend, the exit code is not 0, and nothing is left behind.
func TestErrors(t *testing.T) {
	s := newSite(t)
	before := s.traces(t)
	good := ports(1) + webAndEcho
	change := func(what, into string) string {
		if !strings.Contains(good, what) {
			t.Fatalf("the good configuration holds no %q", what)
		}
		return strings.Replace(good, what, into, 1)
	}
	for _, c := range []refusal{
		{name: "missing file", file: "/nonexistent/linedirector.yaml", names: []string{"/nonexistent/linedirector.yaml"}, mend: "--config"},
		{name: "unknown key", config: change("    protocol: tcp", "    protocol: tcp\n    protocoll: tcp"), names: []string{"linedirector.yaml:13:", "protocoll"}, mend: "did you mean"},
		{name: "real without address", config: change("name: b, address: 10.0.0.12, ", "name: b, "), names: []string{"linedirector.yaml:6:", "address"}, mend: "add address"},
		{name: "broken YAML", config: change("virtuals:", "virtuals: ["), names: []string{"linedirector.yaml:"}, mend: "write a value"},
		{name: "address that is none", config: change("address: 10.0.0.12", "address: 10.0.0.256"), names: []string{"linedirector.yaml:6:", "10.0.0.256"}, mend: "like 10.0.0.11"},
		{name: "two virtuals on one endpoint", config: good + "  - {name: again, address: 192.0.2.10, port: 80, protocol: tcp, reals: [a]}\n", names: []string{"linedirector.yaml:2", "again", "web"}, mend: "another address, port, protocol or class"},
		{name: "next hop on no subnet", config: good + "routes:\n  - {to: 0.0.0.0/0, via: 203.0.113.1}\n", names: []string{"linedirector.yaml:2", "203.0.113.1"}, mend: "use a gateway in"},
		{name: "interface that does not exist", config: change("iface=eth-in", "iface=eth-none"), names: []string{"eth-none"}, mend: "an interface that exists"},
		{name: "PCI device that does not exist", config: change("net_af_packet1,iface=eth-in", "0000:ff:1f.7"), names: []string{"0000:ff:1f.7"}, mend: "dpdk-devbind.py"},
		{name: "tap named as an interface", config: change("name: inside", "name: eth-in"), names: []string{"eth-in"}, mend: "choose another"},
		{name: "processor that does not exist", config: good, flags: []string{"--lcores", "4095"}, names: []string{"4095"}, mend: "it has 0"},
		{name: "unknown flag", config: good, flags: []string{"--lcoers=1"}, names: []string{"lcoers"}, mend: "did you mean"},
		{name: "metrics address in use", config: good, flags: []string{"--metrics", "127.0.0.1:9999"}, names: []string{"127.0.0.1:9999"}, mend: "--metrics"},
		{name: "no permission", config: good, under: []string{
			"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
		}, names: []string{"root"}, mend: "run as root"},
		{name: "kernel without hugepages", config: good, under: hidingHugepages(false), names: []string{"hugepages", "--no-huge"}, mend: "--no-huge"},
		{name: "no hugepages allocated", config: good, under: hidingHugepages(true), names: []string{"hugepages", "--no-huge"}, mend: "vm.nr_hugepages"},
		{name: "more memory than there is", config: good, flags: []string{"--memory", "4000000"}, names: []string{"memory"}, mend: "--memory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if slices.Contains(c.flags, "127.0.0.1:9999") {
				s.director.Listen("127.0.0.1:9999")
			}
			if c.file == "" {
				c.file = s.WriteFile("linedirector.yaml", c.config)
			}
			s.refuses(t, c)
			if left := differences(before, s.traces(t)); left != "" && !strings.Contains(left, ":9999") {
				t.Errorf("it left:\n%s", left)
			}
		})
	}
}

// hidingHugepages runs a program where the kernel seems to have no hugepages, or none allocated.
func hidingHugepages(supported bool) []string {
	script := `for place in /sys/kernel/mm/hugepages /sys/devices/system/node; do
	[ ! -d $place ] || mount -t tmpfs hidden $place
done
`
	if supported {
		script += `mkdir /sys/kernel/mm/hugepages/hugepages-2048kB
for counter in nr free resv surplus; do
	echo 0 >/sys/kernel/mm/hugepages/hugepages-2048kB/${counter}_hugepages
done
`
	}
	return []string{"unshare", "--mount", "sh", "-ec", script + `exec "$@"`, "sh"}
}

// refuses runs linedirector to its end.
func (s *site) refuses(t *testing.T, c refusal) {
	t.Helper()
	out := filepath.Join(s.Dir(), "out")
	args := append(c.under, "sh", "-c", `exec "$@" >"$0" 2>&1`, out)
	if len(c.under) > 0 && c.under[0] == "setpriv" { // nobody may not write there
		args = append([]string{"sh", "-c", `exec "$@" >"$0" 2>&1`, out}, c.under...)
	}
	line := commandLine(oneWorker, c.file)
	if len(c.under) > 0 && c.under[0] == "unshare" {
		line = slices.DeleteFunc(line, func(flag string) bool { return flag == "--no-huge" })
	}
	p := s.director.Start(append(append(args, line...), c.flags...)...)
	code, err := p.Wait(2 * bound)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	said := strings.TrimSpace(string(text))
	t.Logf("it says: %s", said)
	if code == 0 {
		t.Error("exit code 0")
	}
	if strings.Contains(said, "\n") || said == "" {
		t.Errorf("it says %d lines, want one:\n%s", strings.Count(said, "\n")+1, said)
	}
	for _, words := range append(c.names, c.mend) {
		if !strings.Contains(said, words) {
			t.Errorf("the line does not hold %q: %s", words, said)
		}
	}
}

// TestSilentNextHop gives a route by way of a neighbour that does not answer. That is no reason not to run,
// but one to say so.
func TestSilentNextHop(t *testing.T) {
	s := newSite(t)
	s.web(t)
	d := s.start(t, oneWorker, ports(1)+"routes:\n  - {to: 0.0.0.0/0, via: 192.0.2.254}\n"+webAndEcho)
	if err := d.WaitFor("192.0.2.254", bound); err != nil {
		t.Errorf("it says nothing about a next hop that does not answer: %v", err)
	}
	s.ab(t, 200, "-c", "4", "http://192.0.2.10/")
}

// TestCheck validates files without running, reads standard input, and JSON.
func TestCheck(t *testing.T) {
	lab := netlab.New(t)
	ns := lab.Namespace("director")
	good := lab.WriteFile("good.yaml", ports(1)+webAndEcho)
	bad := lab.WriteFile("bad.yaml", strings.Replace(ports(1)+webAndEcho, "reals: [a, b, c]", "reals: [a, b, d]", 1))
	json := lab.WriteFile("good.json", `{"ports": [{"name": "one", "device": "net_null0", "addresses": ["192.0.2.1/24"]}],
		"reals": [{"name": "a", "address": "192.0.2.11"}],
		"virtuals": [{"name": "web", "address": "192.0.2.10", "port": 80, "protocol": "tcp", "reals": ["a"]}]}`)

	begin := time.Now()
	ns.Run(program, "--check", "--config", good)
	ns.Run(program, "--check", "--config", json)
	ns.Run("sh", "-c", `exec "$0" --check --config - <"$1"`, program, good)
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("three checks took %v; a check starts no DPDK", took)
	}
	if out, err := ns.Try(program, "--check", "--config", bad); err == nil || !strings.Contains(out, "bad.yaml:") || strings.Count(strings.TrimSpace(out), "\n") != 0 {
		t.Errorf("a bad file: %q, %v; want one line and an exit code", out, err)
	}
	if out := ns.Run(program, "--version"); !strings.Contains(out, "e2e") && os.Getenv("LINEDIRECTOR") == "" {
		t.Errorf("--version does not print the version that was linked in: %q", out)
	}
	help := ns.Run(program, "--help")
	for _, flag := range []string{
		"--config", "--lcores", "--control-lcores", "--poll", "--flows", "--burst", "--mbufs", "--rx-desc", "--tx-desc",
		"--no-huge", "--memory", "--metrics", "--control-socket", "--log-level", "--log-format", "--check", "--version",
	} {
		if !strings.Contains(help, flag) {
			t.Errorf("--help does not know %s", flag)
		}
	}
}
