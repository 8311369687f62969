package main

import (
	"cmp"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"linedirector/control/api"
)

// socketVariable is the environment's way to say --socket.
const socketVariable = "LINEDIRECTOR_SOCKET"

// flags are what the command line says.
type flags struct {
	socket  string
	output  string
	version bool
	help    bool

	virtual, real, from, phase string // of show flow
	limit                      int

	follow bool // of events
	since  string

	all    *pflag.FlagSet
	groups []flagGroup
}

// flagGroup is flags that go with the same commands.
type flagGroup struct {
	title string
	with  []string // commands; none: all of them
	flags *pflag.FlagSet
}

func newFlags() *flags {
	f := &flags{all: pflag.NewFlagSet("ldctl", pflag.ContinueOnError)}
	f.all.Usage = func() {}
	f.all.SetOutput(io.Discard)

	g := f.group("For every command")
	g.StringVar(&f.socket, "socket", cmp.Or(os.Getenv(socketVariable), api.DefaultSocket),
		"`PATH` of the director's control socket; or set "+socketVariable)
	g.BoolVar(&f.version, "version", false, "print the version and exit")
	g.BoolVarP(&f.help, "help", "h", false, "print this and exit")

	g = f.group("For show, set and events", "show", "set", "events")
	g.StringVarP(&f.output, "output", "o", "table", "write in this `FORMAT`: table, wide (more columns) or json")

	g = f.group("For show flow", "show flow")
	g.StringVar(&f.virtual, "virtual", "", "flows of the virtual `NAME`")
	g.StringVar(&f.real, "real", "", "flows to the real `NAME`")
	g.StringVar(&f.from, "client", "", "flows of the client `ADDRESS`, or of a prefix")
	g.StringVar(&f.phase, "phase", "", "flows in this `PHASE`: half-open, ditched, established, closing, reset or udp")
	g.IntVar(&f.limit, "limit", 0, "stop after `N` flows; 0: show all")

	g = f.group("For events", "events")
	g.BoolVarP(&f.follow, "follow", "f", false, "go on with those to come, until interrupted")
	g.StringVar(&f.since, "since", "", "`SEQ|TIME`: those after this number, or of so long a time, as in 10m")

	for _, g := range f.groups {
		f.all.AddFlagSet(g.flags)
	}
	return f
}

func (f *flags) group(title string, with ...string) *pflag.FlagSet {
	g := pflag.NewFlagSet(title, pflag.ContinueOnError)
	g.SortFlags = false
	f.groups = append(f.groups, flagGroup{title, with, g})
	return g
}

// parseFlags reads the command line and returns what stands beside the flags.
func parseFlags(args []string) (*flags, []string, error) {
	f := newFlags()
	if err := f.all.Parse(args); err != nil {
		return nil, nil, f.mend(err)
	}
	if _, err := oneOf("output", f.output, "table", "wide", "json"); err != nil {
		return nil, nil, err
	}
	if f.limit < 0 {
		return nil, nil, misused("--limit %d: give a number of flows, or 0 for all", f.limit)
	}
	return f, f.all.Args(), nil
}

// mend says what pflag does not: what may have been meant.
func (f *flags) mend(err error) error {
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		var names []string
		f.all.VisitAll(func(flag *pflag.Flag) { names = append(names, "--"+flag.Name) })
		name := unknown.GetSpecifiedName()
		if len(name) > 1 {
			name = "-" + name
		}
		return &usageError{api.Unknown("flag", "-"+name, names, "ldctl --help")}
	}
	return misused("%w; see ldctl --help", err)
}

// allow refuses flags that do not go with the command: one that is ignored would mislead.
func (f *flags) allow(command string) error {
	for _, g := range f.groups {
		if len(g.with) == 0 || slices.ContainsFunc(g.with, func(w string) bool { return strings.HasPrefix(command+" ", w+" ") }) {
			continue
		}
		var wrong error
		g.flags.VisitAll(func(flag *pflag.Flag) {
			if flag.Changed && wrong == nil {
				wrong = misused("--%s does not go with %s, but with %s", flag.Name, command, strings.Join(g.with, ", "))
			}
		})
		if wrong != nil {
			return wrong
		}
	}
	return nil
}

// wide tells whether more columns are wanted.
func (f *flags) wide() bool { return f.output == "wide" }

// json tells whether programs read the output.
func (f *flags) json() bool { return f.output == "json" }

// surplus refuses arguments that nothing reads.
func surplus(words []string) error {
	if len(words) > 0 {
		return misused("unexpected argument '%s'; see ldctl --help", words[0])
	}
	return nil
}
