package conf

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/pflag"
)

// MaxWorkers is how many workers there can be.
const MaxWorkers = 64

// Flags are what the command line says, with the defaults filled in.
type Flags struct {
	Config        string // path of the configuration file; "-" is standard input
	Lcores        []int  // CPUs, a worker on each, in the order given; at least one
	ControlLcores []int  // CPUs of everything else, at least one; may share CPUs with workers
	Poll          Poll
	LastGood      string // path of the file that keeps the configuration applied last; "" for none
	Flows         int    // connections that each worker's table holds
	Sticky        int    // sticky entries at most, of all workers
	Burst         int    // frames
	Mbufs         int    // of each mempool; 0 lets the program choose
	RxDesc        int    // descriptors of a receive queue
	TxDesc        int    // descriptors of a transmit queue
	NoHuge        bool   // no hugepages
	Memory        int    // MiB; 0 lets the program choose
	Metrics       string // host:port of the Prometheus listener; "" for none
	ControlSocket string // path of the socket at which ldctl finds the director; "" for none
	LogLevel      string // debug, info, warn or error
	LogFormat     string // console or json

	Check   bool // validate the configuration and exit
	Version bool // print the version and exit; nothing else is checked or filled in
	Help    bool // the help was printed; nothing else is checked or filled in
	Doctor  bool // examine the machine and exit; Config may be ""
	JSON    bool // with Doctor: findings in JSON

	EAL []string // what stood after "--"
}

var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"console", "json"}
	outputs    = []string{"table", "json"}
)

// ParseFlags reads a command line without the program's name. Asked for help
// it writes it to stdout. The error, if any, is one line with its mend. It asks
// the kernel for the CPUs that the calling thread may use, so it is called
// before any thread is bound.
func ParseFlags(args []string, stdout io.Writer) (*Flags, error) {
	m, err := thisMachine()
	if err != nil {
		return nil, err
	}
	return parseFlags(args, stdout, m)
}

func parseFlags(args []string, stdout io.Writer, m machine) (*Flags, error) {
	f := newFlagSet()
	if err := f.all.Parse(args); err != nil {
		return nil, f.mend(err)
	}
	if f.Help {
		_, err := io.WriteString(stdout, f.help())
		return &f.Flags, err
	}
	if f.Version {
		return &f.Flags, nil
	}
	positional := f.all.Args()
	if n := f.all.ArgsLenAtDash(); n >= 0 {
		positional, f.EAL = positional[:n], slices.Clone(positional[n:])
	}
	if f.Doctor = len(positional) > 0 && positional[0] == "doctor"; f.Doctor {
		positional = positional[1:]
	}
	if len(positional) > 0 {
		return nil, fmt.Errorf("unexpected argument %s; only flags are taken, and EAL arguments after --", quoted(positional[0]))
	}
	if f.Config == "" && !f.Doctor {
		return nil, errors.New("no configuration; give --config FILE (see --help for an example)")
	}
	for _, check := range []func() error{
		func() error { return f.checkCPUs(m) }, f.checkNumbers, f.checkWords, f.checkMetrics, f.checkSocket, f.checkLastGood,
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return &f.Flags, nil
}

// flagSet is the command line while it is read.
type flagSet struct {
	Flags
	all    *pflag.FlagSet
	groups []flagGroup

	lcores, control, poll string
	output                string
	numbers               []numberFlag
}

type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// numberFlag is a flag that takes a whole number.
type numberFlag struct {
	name        string
	to          *int
	least, most int
}

func newFlagSet() *flagSet {
	f := &flagSet{all: pflag.NewFlagSet("linedirector", pflag.ContinueOnError)}
	f.all.Usage = func() {}
	f.all.SetOutput(io.Discard)

	g := f.group("Configuration")
	g.StringVar(&f.Config, "config", "",
		"the configuration, `FILE` in YAML or JSON, - for standard input; SIGHUP rereads it (required)")
	g.BoolVar(&f.Check, "check", false, "validate the configuration, say what is wrong, and exit")

	g.StringVar(&f.LastGood, "last-good", "",
		"write each configuration that was applied into `FILE`, so that a restart can go back to it")

	g = f.group("Workers")
	g.StringVar(&f.lcores, "lcores", "", "`CPUS` to run a worker on, one each: 1 or 0,1 or 2-5 (default: all but the lowest)")
	g.StringVar(&f.control, "control-lcores", "", "`CPUS` for everything else (default: those without a worker, else all)")
	g.StringVar(&f.poll, "poll", "auto",
		"`HOW` workers wait: busy, adaptive (naps after empty polls), or auto (adaptive where every port is a virtual device, else busy)")
	f.number(g, &f.Burst, "burst", 32, 1, 128, "most frames a worker takes at a time, `N` from 1 to 128")

	g = f.group("Sizes")
	f.number(g, &f.Flows, "flows", 1<<20, 1, 1<<28, "connections that each worker's table holds, `N`")
	f.number(g, &f.Sticky, "sticky", 1<<17, 1, 1<<24, "sticky entries at most, `N`, of all workers together")
	f.number(g, &f.Mbufs, "mbufs", 0, 0, 1<<24, "packet buffers of each mempool, `N`; 0: as many as the queues need")
	f.number(g, &f.RxDesc, "rx-desc", 4096, 64, 32768, "descriptors of a receive queue, `N`; they bridge a worker's stalls")
	f.number(g, &f.TxDesc, "tx-desc", 1024, 64, 32768, "descriptors of a transmit queue, `N`")
	g.BoolVar(&f.NoHuge, "no-huge", false, "do without hugepages; slower, for trials")
	f.number(g, &f.Memory, "memory", 0, 0, 1<<22, "memory to take at the start, `MIB`; 0: as much as is needed, with hugepages as it goes")

	g = f.group("Watching")
	g.StringVar(&f.Metrics, "metrics", "127.0.0.1:9480", "serve Prometheus metrics at `HOST:PORT`, or off")
	g.StringVar(&f.ControlSocket, "control-socket", "/run/linedirector/control.sock",
		"where ldctl speaks to the director, `PATH` of a Unix socket, or off")
	g.StringVar(&f.LogLevel, "log-level", "info", "log from this `LEVEL` on: "+either(logLevels))
	g.StringVar(&f.LogFormat, "log-format", "console", "log in this `FORMAT`: "+either(logFormats))

	g = f.group("Doctor")
	g.StringVarP(&f.output, "output", "o", "table", "write what doctor finds in this `FORMAT`: "+either(outputs))

	g = f.group("Information")
	g.BoolVar(&f.Version, "version", false, "print the version and exit")
	g.BoolVarP(&f.Help, "help", "h", false, "print this and exit")

	for _, g := range f.groups {
		f.all.AddFlagSet(g.flags)
	}
	return f
}

func (f *flagSet) group(title string) *pflag.FlagSet {
	g := pflag.NewFlagSet(title, pflag.ContinueOnError)
	g.SortFlags = false
	f.groups = append(f.groups, flagGroup{title, g})
	return g
}

func (f *flagSet) number(g *pflag.FlagSet, to *int, name string, byDefault, least, most int, usage string) {
	g.IntVar(to, name, byDefault, usage)
	f.numbers = append(f.numbers, numberFlag{name, to, least, most})
}
