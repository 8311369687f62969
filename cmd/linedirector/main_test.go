package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"linedirector/conf"
	"linedirector/flowtable"
	"linedirector/lcore"
)

// asChild makes this test's binary run confine and say where its threads are; asDoctor, that it is linedirector.
const (
	asChild  = "LINEDIRECTOR_TEST_CONFINE"
	asDoctor = "LINEDIRECTOR_TEST_DOCTOR"
)

func TestMain(m *testing.M) {
	if cpu := os.Getenv(asChild); cpu != "" {
		os.Exit(confined(cpu))
	}
	if os.Getenv(asDoctor) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func ports(devices ...string) *conf.Config {
	c := &conf.Config{Name: "dir.yaml"}
	for i, d := range devices {
		c.Ports = append(c.Ports, conf.Port{Name: fmt.Sprint("p", i), Device: d, Pos: conf.Pos{Line: 2 + i, Column: 5}})
	}
	return c
}

func TestAdaptive(t *testing.T) {
	virtual, nic, mixed := ports("net_null0", "net_pcap0,rx_pcap=x"), ports("0000:3b:00.1"), ports("net_null0", "3b:00.1")
	for _, tt := range []struct {
		poll conf.Poll
		on   *conf.Config
		want bool
	}{
		{conf.PollAuto, virtual, true},
		{conf.PollAuto, nic, false},
		{conf.PollAuto, mixed, false},
		{conf.PollBusy, virtual, false},
		{conf.PollAdaptive, nic, true},
	} {
		if got := adaptive(tt.poll, tt.on); got != tt.want {
			t.Errorf("--poll %v on %v: %v, want %v", tt.poll, devices(tt.on), got, tt.want)
		}
	}
}

func TestDriver(t *testing.T) {
	for device, want := range map[string]string{
		"net_af_packet0,iface=eth1": "net_af_packet",
		"net_af_xdp12,iface=eth10":  "net_af_xdp",
		"net_af_packet,iface=eth1":  "net_af_packet",
	} {
		if got := driver(conf.Port{Device: device}); got != want {
			t.Errorf("%s: %s, want %s", device, got, want)
		}
	}
}

func TestWorkerConfig(t *testing.T) {
	config := ports("net_null0", "0000:3b:00.1", "net_null1")
	config.Ports[0].Side, config.Ports[1].Side = conf.SideClients, conf.SideReals
	flags := &conf.Flags{Lcores: []int{2, 3}, Flows: 100, Sticky: 7, Burst: 16, Mbufs: 5000, RxDesc: 256, TxDesc: 128, Poll: conf.PollAdaptive, NoHuge: true}
	c := workerConfig(flags, config)
	want := []lcore.PortConfig{{Device: "net_null0", Side: lcore.Clients}, {Device: "0000:3b:00.1", Side: lcore.Reals}, {Device: "net_null1", Side: lcore.Both}}
	if !slices.Equal(c.Ports, want) {
		t.Errorf("ports %+v, want %+v", c.Ports, want)
	}
	if !slices.Equal(c.CPUs, flags.Lcores) || c.Flows != 100 || c.Sticky != 7 || c.Burst != 16 || c.Mbufs != 5000 || c.RxDesc != 256 || c.TxDesc != 128 || !c.Adaptive {
		t.Errorf("%+v from %+v", c, flags)
	}
	for kind, rate := range c.PuntRate {
		if rate == 0 {
			t.Errorf("nothing of kind %d comes to the kernel", kind)
		}
	}
	// Nobody may forget to hand on what is added.
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("%s is not set", v.Type().Field(i).Name)
		}
	}
}

func TestMemory(t *testing.T) {
	c := lcore.Config{CPUs: []int{0, 1}, Ports: make([]lcore.PortConfig, 2), Flows: 1 << 20, RxDesc: 4096, TxDesc: 1024}
	for _, tt := range []struct {
		name        string
		flags       conf.Flags
		least, most int // MiB
	}{
		{"hugepages: EAL takes what it needs", conf.Flags{}, 0, 0},
		{"the operator's wish", conf.Flags{NoHuge: true, Memory: 77}, 77, 77},
		{"the operator's wish in hugepages", conf.Flags{Memory: 77}, 77, 77},
		{"tables, mbufs and some", conf.Flags{NoHuge: true}, (2*flowtable.Size(1<<20)+c.MostMbufs()*2400)>>20 + 64, 600},
	} {
		if got := memory(&tt.flags, c); got < tt.least || got > tt.most {
			t.Errorf("%s: %d MiB, want %d to %d", tt.name, got, tt.least, tt.most)
		}
	}
}

func TestNode(t *testing.T) {
	if a, b, c := node(-1), node(0), node(1); a != "0" || b != "0" || c != "1" {
		t.Errorf("nodes are called %s, %s, %s", a, b, c)
	}
}

func TestPortError(t *testing.T) {
	config := ports("net_null0", "net_null1")
	cause := errors.New("no such device; plug it in")
	if err := portError(config, &lcore.PortError{Index: 1, Err: cause}); err == nil || err.Error() != "dir.yaml:3:5: port p1: no such device; plug it in" || !errors.Is(err, cause) {
		t.Errorf("of a port: %v", err)
	}
	if err := portError(config, cause); !errors.Is(err, cause) {
		t.Errorf("of none: %v", err)
	}
	if err := portError(config, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}

func TestCleanup(t *testing.T) {
	var order []string
	var c cleanup
	for _, name := range []string{"first", "second", "third"} {
		c.add(func() error {
			order = append(order, name)
			return errors.New(name + " fails")
		})
	}
	err := oneLine(errors.Join(errors.New("it did not start"), c.run()))
	if got := strings.Join(order, " "); got != "third second first" {
		t.Errorf("undone in the order %s", got)
	}
	if err.Error() != "it did not start; third fails; second fails; first fails" {
		t.Errorf("it says %q", err)
	}
	if c.run() != nil || len(order) != 3 {
		t.Error("undone twice")
	}
	if oneLine(nil) != nil {
		t.Error("no error became one")
	}
}

func TestUnlessClosed(t *testing.T) {
	if err := unlessClosed(fmt.Errorf("close tap: %w", os.ErrClosed)); err != nil {
		t.Error(err)
	}
	if unlessClosed(os.ErrPermission) == nil {
		t.Error("another error is lost")
	}
}

func TestLocalMAC(t *testing.T) {
	for range 100 {
		if mac := localMAC(); mac[0]&3 != 2 {
			t.Fatalf("%x is not a local unicast address", mac)
		}
	}
}

const good = `
ports:
  - {name: outside, device: net_null0, addresses: [192.0.2.1/24]}
reals:
  - {name: a, address: 192.0.2.11, port: 8080}
virtuals:
  - {name: web, address: 192.0.2.10, port: 80, reals: [a]}
`

// What ends before DPDK starts needs neither root nor a device.
func TestRunWithoutDPDK(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fine := write("good.yaml", good)
	for _, tt := range []struct {
		name string
		args []string
		want string // in the error
	}{
		{"check", []string{"--check", "--config", fine}, ""},
		{"help", []string{"--help"}, ""},
		{"version", []string{"--version"}, ""},
		{"no configuration", nil, "--config"},
		{"unknown flag", []string{"--lcoers=1"}, "lcoers"},
		{"missing file", []string{"--config", filepath.Join(dir, "none.yaml")}, "none.yaml"},
		{"bad file", []string{"--check", "--config", write("bad.yaml", strings.Replace(good, "reals: [a]", "reals: [b]", 1))}, "bad.yaml:7:"},
		{"bad level", []string{"--config", fine, "--log-level", "loud"}, "loud"},
	} {
		out, err := quietly(t, func() error { return run(tt.args) })
		switch {
		case tt.want == "" && (err != nil || out == ""):
			t.Errorf("%s: %v; printed %q", tt.name, err, out)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v, want a line with %s", tt.name, err, tt.want)
		}
	}
}

// The doctor answers about any machine: without a configuration, with a bad one, with ports that DPDK has to be asked about.
func TestExamine(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, text string
		root       bool
		want       []string // in the output
	}{
		{"no configuration", "", false, []string{`"topic": "ports"`, `"topic": "cores"`}},
		{"a good one", good, false, []string{`"topic": "hugepages"`, `"topic": "neighbours"`}},
		{"a bad one", strings.Replace(good, "reals: [a]", "reals: [b]", 1), false, []string{`"topic": "configuration"`, ":7:", `"topic": "cores"`}},
		{"a NIC", strings.Replace(good, "net_null0", "ffff:ff:1f.7", 1), true, []string{"there is no PCI device ffff:ff:1f.7"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Geteuid() != 0 {
				t.Skip("DPDK asks for devices as root only")
			}
			args := []string{"doctor", "-o", "json", "--no-huge"}
			if tt.text != "" {
				path := filepath.Join(dir, "director.yaml")
				if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
					t.Fatal(err)
				}
				args = append(args, "--config", path)
			}
			child := exec.Command(os.Args[0], args...) // DPDK starts once a process
			child.Env = append(os.Environ(), asDoctor+"=yes")
			out, err := child.Output()
			var exit *exec.ExitError
			if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
				t.Fatal(err)
			}
			if !json.Valid(out) || (err != nil) != strings.Contains(string(out), `"level": "problem"`) {
				t.Errorf("%v: %s", err, out)
			}
			for _, want := range tt.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %s in %s", want, out)
				}
			}
		})
	}
}

// quietly runs f and returns what it printed.
func quietly(t *testing.T, f func() error) (string, error) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	old := os.Stdout
	os.Stdout = file
	failed := f()
	os.Stdout = old
	text, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text), failed
}

func TestNewLog(t *testing.T) {
	for _, format := range []string{"console", "json"} {
		log, err := newLog("warn", format)
		if err != nil {
			t.Fatal(err)
		}
		if log.Core().Enabled(zap.InfoLevel) || !log.Core().Enabled(zap.WarnLevel) {
			t.Errorf("%s: the level is not kept", format)
		}
	}
	if _, err := newLog("loud", "json"); err == nil {
		t.Error("took a level that does not exist")
	}
}

// Every thread of Go is confined and urgent, those too that are made later.
func TestConfine(t *testing.T) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !set.IsSet(cpu) {
		cpu++
	}
	for _, tt := range []struct {
		cpu  int
		want string
	}{{cpu, "confined"}, {1000, "control on CPUs [1000]: invalid argument; name CPUs of this machine with --control-lcores"}} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), asChild+"="+strconv.Itoa(tt.cpu))
		out, err := child.CombinedOutput()
		if got := strings.TrimSpace(string(out)); got != tt.want {
			t.Errorf("CPU %d: %s, %v; want %s", tt.cpu, got, err, tt.want)
		}
	}
}

// confined is the child: it makes threads before and after.
func confined(text string) int {
	cpu, _ := strconv.Atoi(text)
	threads := func() {
		ready := make(chan struct{})
		for range 5 {
			go func() {
				ready <- struct{}{}
				for {
					timeout := unix.Timeval{Usec: 1000}
					_, _ = unix.Select(0, nil, nil, nil, &timeout) // each blocks a thread
				}
			}()
			<-ready
		}
	}
	threads()
	if err := confine([]int{cpu}, 3); err != nil {
		fmt.Println(err)
		return 1
	}
	threads()
	list, err := os.ReadDir("/proc/self/task")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for _, t := range list {
		tid, _ := strconv.Atoi(t.Name())
		var set unix.CPUSet
		if unix.SchedGetaffinity(tid, &set) == nil && (set.Count() != 1 || !set.IsSet(cpu)) {
			fmt.Printf("thread %d of %d may run on %d CPUs\n", tid, len(list), set.Count())
			return 1
		}
		if raw, err := unix.Getpriority(unix.PRIO_PROCESS, tid); err == nil && os.Geteuid() == 0 && 20-raw != urgency {
			fmt.Printf("thread %d of %d runs at nice %d\n", tid, len(list), 20-raw)
			return 1
		}
		slack, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", tid))
		if err == nil && os.Geteuid() == 0 && strings.TrimSpace(string(slack)) != strconv.FormatInt(lateness.Nanoseconds(), 10) {
			fmt.Printf("thread %d of %d may be late by %s ns\n", tid, len(list), slack)
			return 1
		}
	}
	fmt.Println("confined")
	return 0
}
