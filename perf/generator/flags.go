package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"linedirector/conf"
	"linedirector/dpdk"
	"linedirector/lcore"
	"linedirector/perf/generator/traffic"
)

// settings are what the command line says.
type settings struct {
	clientDevice, serverDevice string
	lcore, control             int
	burst, mbufs, memory       int
	rxDesc, txDesc             int
	noHuge                     bool
	eal                        []string

	traffic      traffic.Config
	distribution string
	lengths      string // as given

	json     string
	progress bool
	linger   bool
	version  bool
}

// flagSet is the command line while it is read.
type flagSet struct {
	settings
	all    *pflag.FlagSet
	groups []group

	mode, clients, servers, hop string
	virtuals, answer            []string
	size                        int
	imix                        string
	skew                        float64
}

type group struct {
	title string
	flags *pflag.FlagSet
}

func newFlagSet() *flagSet {
	f := &flagSet{all: pflag.NewFlagSet("generator", pflag.ContinueOnError)}
	f.all.Usage = func() {}
	f.all.SetOutput(io.Discard)
	c := &f.traffic

	g := f.group("Devices")
	g.StringVar(&f.clientDevice, "client-device", "", "where the clients are: `DEVICE`, a PCI address or a virtual device with its arguments (required)")
	g.StringVar(&f.serverDevice, "server-device", "", "where the servers are, `DEVICE` (default: where the clients are)")
	g.IntVar(&f.lcore, "lcore", -1, "the `CPU` that sends and receives, all for itself (default: the highest)")
	g.IntVar(&f.burst, "burst", 32, "most frames sent or received at a time, `N` from 1 to 128")
	g.IntVar(&f.rxDesc, "rx-desc", 4096, "descriptors of a receive queue, `N`")
	g.IntVar(&f.txDesc, "tx-desc", 1024, "descriptors of a transmit queue, `N`")
	g.IntVar(&f.mbufs, "mbufs", 32768, "packet buffers, `N`")
	g.BoolVar(&f.noHuge, "no-huge", false, "do without hugepages; slower, for trials")
	g.IntVar(&f.memory, "memory", 0, "memory to take at the start, `MIB`; 0: as much as is needed")

	g = f.group("Addresses")
	g.StringSliceVar(&f.virtuals, "virtual", nil, "what the clients ask for, `ADDRESS:PORT`; several, with commas, in turn (required)")
	g.StringVar(&f.clients, "clients", "198.18.0.0/16", "`PREFIX` of the clients' addresses, each with ports 1024 to 65535")
	g.StringVar(&f.servers, "servers", "198.19.0.0/16", "`PREFIX` of the servers' addresses, all of which serve every port")
	g.StringVar(&f.hop, "next-hop", "", "`MAC|ADDRESS` that the clients' frames go to; an address is asked for by ARP (default: the first virtual's)")
	g.StringSliceVar(&f.answer, "answer", nil, "more `ADDRESSES`, with commas, that ARP requests are answered for, such as a router's on the clients' side")

	g = f.group("Traffic")
	g.StringVar(&f.mode, "mode", "udp", "`MODE`: udp, tcp (connections opened beforehand), or churn (connections opened, used and closed)")
	g.IntVar(&c.Flows, "flows", 1000, "`N` flows, each a client's address and port; with churn, connections at a time")
	g.StringVar(&f.distribution, "distribution", "uniform", "how often a flow is used: `HOW` is uniform or zipf")
	g.Float64Var(&f.skew, "skew", 1, "Zipf's exponent `S`: the k-th flow is used in proportion to 1/k^S")
	g.Uint64Var(&c.Rate, "rate", 0, "`N` frames a second, with churn connections; 0: as fast as it goes")
	g.IntVar(&f.size, "size", 60, "`BYTES` of a frame without FCS, 60 to 1514; TCP frames with data have 72 at least")
	g.StringVar(&f.imix, "imix", "", "a `MIX` of lengths instead: simple (60:7,590:4,1514:1), classic (60:7,566:4,1514:1), or any BYTES:WEIGHT,…")
	g.BoolVar(&c.Echo, "echo", false, "have the servers send the data back (always with churn)")
	g.IntVar(&c.Requests, "requests", 1, "with churn, `N` requests and answers a connection")
	g.Uint64Var(&c.Seed, "seed", 1, "`N` that flows and sequence numbers are drawn by")

	g = f.group("Time")
	g.BoolVar(&c.Blind, "blind", false, "send without waiting until first frames come through: for a device that swallows them")
	g.DurationVar(&c.Duration, "duration", 10*time.Second, "measure for this `TIME`")
	g.DurationVar(&c.WarmUp, "warm-up", time.Second, "run for this `TIME` before, uncounted")
	g.Uint64Var(&c.OpenRate, "open-rate", 200_000, "before that, open each flow, `N` a second; 0: with udp none, with tcp as fast as it goes")
	g.DurationVar(&c.Grace, "grace", time.Second, "wait at most this `TIME` for late frames")
	g.DurationVar(&c.Timeout, "timeout", 10*time.Second, "`TIME` after which a connection, ARP for the next hop, or waiting for the first frames, failed")
	g.DurationVar(&c.Interval, "interval", time.Second, "`TIME` after which an unanswered segment is sent again")

	g = f.group("Result")
	g.StringVar(&f.json, "json", "", "write the result to `FILE` as JSON; - is standard output, without the table")
	g.BoolVar(&f.progress, "progress", terminal(os.Stderr), "show a line a second (default: on a terminal)")

	g.BoolVar(&f.linger, "linger", false, "after the result, keep the devices open, idle, until interrupted: a memif director that is to survive must end first")

	g = f.group("Information")
	g.BoolVar(&f.version, "version", false, "print the version and exit")

	for _, g := range f.groups {
		f.all.AddFlagSet(g.flags)
	}
	return f
}

func (f *flagSet) group(title string) *pflag.FlagSet {
	g := pflag.NewFlagSet(title, pflag.ContinueOnError)
	g.SortFlags = false
	f.groups = append(f.groups, group{title, g})
	return g
}

const helpHead = `generator plays clients and servers towards a director, and measures rate, loss
and latency, with DPDK, on one core.

Usage:
  generator --client-device DEVICE --virtual ADDRESS:PORT [flags]
            [-- EAL arguments]
`

const helpExample = `
Example:
  A director whose ports are the other ends of the veth pairs gen-c and gen-s,
  which routes 198.18.0.0/16 to 192.0.2.254, and has reals in 10.0.0.0/24:

    generator --client-device net_af_packet0,iface=gen-c \
      --server-device net_af_packet1,iface=gen-s --servers 10.0.0.0/24 \
      --virtual 192.0.2.10:80 --answer 192.0.2.254 --rate 10000 --flows 1000

  See docs/generator.md for a whole lab, with NICs and without.
`

// help is the whole help, in lines of at most 80 columns.
func help() string {
	var b strings.Builder
	b.WriteString(helpHead)
	for _, g := range newFlagSet().groups {
		b.WriteString("\n" + g.title + ":\n")
		g.flags.VisitAll(func(flag *pflag.Flag) {
			if flag.Name == "lcore" || flag.DefValue == "[]" {
				flag.DefValue = "" // its text says it
			}
			conf.WriteFlag(&b, flag, 28)
		})
	}
	b.WriteString(helpExample)
	return b.String()
}

// parseFlags reads a command line without the program's name. The error is one line with its mend, or pflag.ErrHelp.
func parseFlags(args []string) (*settings, error) {
	f := newFlagSet()
	if err := f.all.Parse(args); err != nil {
		return nil, f.mend(err)
	}
	if f.version {
		return &f.settings, nil
	}
	rest := f.all.Args()
	if n := f.all.ArgsLenAtDash(); n >= 0 {
		rest, f.eal = rest[:n], rest[n:]
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("unexpected argument %q; only flags are taken, and EAL arguments after --", rest[0])
	}
	for _, check := range []func() error{f.checkDevices, f.checkCPU, f.checkNumbers, f.checkAddresses, f.checkHop, f.checkTraffic, f.checkTimes} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	f.traffic.Run = uint8(time.Now().UnixNano() >> 20)
	f.traffic.FollowFlow = 1 << 15
	return &f.settings, nil
}

// mend says what the operator may have meant.
func (f *flagSet) mend(err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	f.all.VisitAll(func(g *pflag.Flag) { names = append(names, g.Name) })
	if near, ok := conf.Nearest(unknown.GetSpecifiedName(), names); ok {
		return fmt.Errorf("unknown flag --%s; did you mean --%s?", unknown.GetSpecifiedName(), near)
	}
	return fmt.Errorf("unknown flag --%s; see --help, EAL arguments go after --", unknown.GetSpecifiedName())
}

func (f *flagSet) checkDevices() error {
	if f.clientDevice == "" {
		return errors.New("no device; give --client-device DEVICE (see --help for an example)")
	}
	if f.serverDevice == "" {
		f.serverDevice = f.clientDevice
	}
	if name := deviceName(f.clientDevice); name == deviceName(f.serverDevice) && f.clientDevice != f.serverDevice {
		return fmt.Errorf("--client-device and --server-device are both %s, with other arguments; number them: net_memif0, net_memif1", name)
	}
	return nil
}

func deviceName(device string) string {
	name, _, _ := strings.Cut(device, ",")
	return name
}

// checkCPU finds the loop's CPU, and another one for all else.
func (f *flagSet) checkCPU() error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("ask the kernel for this process's CPUs: %w", err)
	}
	var cpus []int
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	if !f.all.Changed("lcore") {
		f.lcore = cpus[len(cpus)-1]
	}
	if !slices.Contains(cpus, f.lcore) {
		return fmt.Errorf("--lcore %d: this process may use CPUs %v; take one of these", f.lcore, cpus)
	}
	f.control = f.lcore
	if i := slices.IndexFunc(cpus, func(cpu int) bool { return cpu != f.lcore }); i >= 0 {
		f.control = cpus[i]
	}
	return nil
}

func (f *flagSet) checkNumbers() error {
	for _, n := range []struct {
		name               string
		value, least, most int
	}{
		{"burst", f.burst, 1, dpdk.MaxBurst},
		{"rx-desc", f.rxDesc, 64, 1 << 15},
		{"tx-desc", f.txDesc, 64, 1 << 15},
		{"mbufs", f.mbufs, 1024, 1 << 24},
		{"memory", f.memory, 0, 1 << 22},
		{"size", f.size, traffic.MinFrame, traffic.MaxFrame},
		{"flows", f.traffic.Flows, 1, math.MaxInt32},
	} {
		if n.value < n.least || n.value > n.most {
			return fmt.Errorf("--%s %d: use a number from %d to %d", n.name, n.value, n.least, n.most)
		}
	}
	return nil
}

func (f *flagSet) checkAddresses() (err error) {
	c := &f.traffic
	for _, p := range []struct {
		flag, text string
		to         *netip.Prefix
	}{{"clients", f.clients, &c.Clients}, {"servers", f.servers, &c.Servers}} {
		if *p.to, err = netip.ParsePrefix(p.text); err != nil || !p.to.Addr().Is4() {
			return fmt.Errorf("--%s %q: this is no IPv4 prefix; write it like 198.18.0.0/16", p.flag, p.text)
		}
	}
	for _, text := range f.virtuals {
		v, err := netip.ParseAddrPort(text)
		if err != nil || !v.Addr().Is4() || v.Port() == 0 {
			return fmt.Errorf("--virtual %q: this is no IPv4 address with a port; write it like 192.0.2.10:80", text)
		}
		c.Virtuals = append(c.Virtuals, v)
	}
	for _, text := range f.answer {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return fmt.Errorf("--answer %q: this is no IPv4 address; write it like 192.0.2.254", text)
		}
		c.Answer = append(c.Answer, a)
	}
	if len(c.Virtuals) == 0 {
		return errors.New("no virtual; give --virtual ADDRESS:PORT")
	}
	return nil
}

func (f *flagSet) checkHop() error {
	c := &f.traffic
	c.HopAddr = c.Virtuals[0].Addr()
	if f.hop == "" {
		return nil
	}
	if mac, err := net.ParseMAC(f.hop); err == nil && len(mac) == 6 && mac[0]&1 == 0 {
		c.Hop = [6]byte(mac)
		return nil
	}
	a, err := netip.ParseAddr(f.hop)
	if err != nil || !a.Is4() {
		return fmt.Errorf("--next-hop %q: this is neither a host's MAC nor an IPv4 address; write it like 02:00:00:00:00:01 or 192.0.2.1", f.hop)
	}
	c.HopAddr = a
	return nil
}

func (f *flagSet) checkTraffic() (err error) {
	c := &f.traffic
	mode, ok := traffic.ParseMode(f.mode)
	if !ok {
		return fmt.Errorf("--mode %q: use udp, tcp or churn", f.mode)
	}
	c.Mode = mode
	switch f.distribution {
	case "uniform":
		if f.all.Changed("skew") {
			return errors.New("--skew belongs to --distribution zipf; give that, too")
		}
	case "zipf":
		if c.Skew = f.skew; !(c.Skew > 0 && c.Skew <= 10) {
			return fmt.Errorf("--skew %v: use a number above 0, up to 10", f.skew)
		}
	default:
		return fmt.Errorf("--distribution %q: use uniform or zipf", f.distribution)
	}
	if f.imix == "" {
		c.Mix, f.lengths = traffic.Mix{{Bytes: f.size, Weight: 1}}, fmt.Sprintf("%d:1", f.size)
		return nil
	}
	if f.all.Changed("size") {
		return errors.New("--size and --imix are both given; give one")
	}
	if c.Mix, err = traffic.ParseMix(f.imix); err != nil {
		return fmt.Errorf("--imix %s: %w", f.imix, err)
	}
	f.lengths = f.imix
	return nil
}

func (f *flagSet) checkTimes() error {
	c := &f.traffic
	for _, t := range []struct {
		name        string
		value       time.Duration
		least, most time.Duration
	}{
		{"duration", c.Duration, time.Millisecond, 12 * time.Hour},
		{"warm-up", c.WarmUp, 0, time.Hour},
		{"grace", c.Grace, time.Millisecond, time.Minute},
		{"timeout", c.Timeout, 10 * time.Millisecond, time.Hour},
		{"interval", c.Interval, time.Millisecond, time.Hour},
	} {
		if t.value < t.least || t.value > t.most {
			return fmt.Errorf("--%s %v: use a time from %v to %v", t.name, t.value, t.least, t.most)
		}
	}
	if c.Rate > 1e9 || c.OpenRate > 1e9 {
		return errors.New("--rate or --open-rate is above 1000000000 a second; use less, or 0 for as fast as it goes")
	}
	return nil
}

// ealArgs are EAL's arguments, the operator's own last.
func (s *settings) ealArgs() []string {
	c := lcore.EALConfig{
		ControlCPU: s.control, Devices: []string{s.clientDevice}, NoHuge: s.noHuge, MemoryMiB: s.memory,
		Prefix: fmt.Sprintf("generator%d", os.Getpid()), Extra: s.eal,
	}
	if s.serverDevice != s.clientDevice {
		c.Devices = append(c.Devices, s.serverDevice)
	}
	if s.noHuge && s.memory == 0 {
		c.MemoryMiB = s.mbufs*(mbufRoom+512)>>20 + 64
	}
	return lcore.EALArgs(c)
}

// terminal tells whether a person sees what is written there.
func terminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
