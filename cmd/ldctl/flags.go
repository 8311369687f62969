package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"linedirector/control/api"
)

// socketVariable is the environment's way to say --socket.
const socketVariable = "LINEDIRECTOR_SOCKET"

// shortestWatch keeps watching from being a load.
const shortestWatch = 100 * time.Millisecond

// flags are what the command line says.
type flags struct {
	socket  string
	output  string
	version bool
	help    bool

	watch    span
	previous bool

	virtual, real, from, phase, state, group string // which ones
	limit                                    int

	follow bool // of events
	since  string

	wait   span // of drain
	dryRun bool // of apply

	all    *pflag.FlagSet
	groups []flagGroup
	with   map[string][]string // the commands that a flag goes with; none: all of them
}

// flagGroup is flags that the help shows together.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

func newFlags() *flags {
	f := &flags{all: pflag.NewFlagSet("ldctl", pflag.ContinueOnError), with: map[string][]string{}}
	f.all.Usage = func() {}
	f.all.SetOutput(io.Discard)

	g := f.newGroup("For every command")
	g.StringVar(&f.socket, "socket", cmp.Or(os.Getenv(socketVariable), api.DefaultSocket),
		"`PATH` of the director's control socket; or set "+socketVariable)
	g.BoolVar(&f.version, "version", false, "print the version and exit")
	g.BoolVarP(&f.help, "help", "h", false, "print this and exit")

	g = f.newGroup("For all that shows something")
	g.StringVarP(&f.output, "output", "o", "table", "write in this `FORMAT`: table, wide (more columns), json or yaml")
	f.goes("output", "show", "explain", "events", "set", "flush", "diff", "apply")
	f.span(g, &f.watch, "watch", "2s", "show it anew every `TIME`, until interrupted")
	f.goes("watch", "show real", "show virtual", "show flow", "show sticky", "show worker", "show port", "show neighbour")

	g = f.newGroup("To pick some")
	g.StringVar(&f.virtual, "virtual", "", "those of the virtual `NAME`")
	f.goes("virtual", "show flow", "show sticky", "show real", "flush sticky")
	g.StringVar(&f.real, "real", "", "those of the real `NAME`")
	f.goes("real", "show flow", "show sticky", "show virtual", "flush sticky")
	g.StringVar(&f.from, "client", "", "those of the client `ADDRESS`, or of a prefix")
	f.goes("client", "show flow", "show sticky", "flush sticky")
	g.StringVar(&f.phase, "phase", "", "flows in this `PHASE`: half-open, ditched, established, closing, reset, cut or udp")
	f.goes("phase", "show flow")
	g.StringVar(&f.group, "group", "", "sticky entries of the `GROUP` of virtuals: that of its buddies, or the virtual's name")
	f.goes("group", "show sticky", "flush sticky")
	g.StringVar(&f.state, "state", "", "reals in this `STATE`, as show real shows it")
	f.goes("state", "show real")
	g.IntVar(&f.limit, "limit", 0, "stop after `N` flows or sticky entries; 0: show all")
	f.goes("limit", "show flow", "show sticky")

	g = f.newGroup("For events")
	g.BoolVarP(&f.follow, "follow", "f", false, "go on with those to come, until interrupted")
	f.goes("follow", "events")
	g.StringVar(&f.since, "since", "", "`SEQ|TIME`: those after this number, or of so long a time, as in 10m")
	f.goes("since", "events")

	g = f.newGroup("For drain and apply")
	f.span(g, &f.wait, "wait", "10m", "drain: until no connection is left, `TIME` at most")
	f.goes("wait", "drain")
	g.BoolVar(&f.dryRun, "dry-run", false, "apply: only print what would change")
	f.goes("dry-run", "apply")
	g.BoolVar(&f.previous, "previous", false, "apply, show config: the configuration before this one")
	f.goes("previous", "apply", "show config")

	for _, g := range f.groups {
		f.all.AddFlagSet(g.flags)
	}
	return f
}

func (f *flags) newGroup(title string) *pflag.FlagSet {
	g := pflag.NewFlagSet(title, pflag.ContinueOnError)
	g.SortFlags = false
	f.groups = append(f.groups, flagGroup{title, g})
	return g
}

// goes says which commands a flag goes with.
func (f *flags) goes(flag string, commands ...string) { f.with[flag] = commands }

// span adds a flag whose time may be left away.
func (f *flags) span(g *pflag.FlagSet, to *span, name, usual, usage string) {
	g.Var(to, name, usage)
	g.Lookup(name).NoOptDefVal = usual
}

// span is a time above 0; 0: not asked for.
type span time.Duration

// String is pflag's.
func (s *span) String() string {
	if *s == 0 {
		return ""
	}
	return time.Duration(*s).String()
}

// Set is pflag's.
func (s *span) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return errors.New("give a time, as in 500ms, 2s or 10m")
	}
	*s = span(d)
	return nil
}

// Type is pflag's.
func (s *span) Type() string { return "time" }

// parseFlags reads the command line and returns what stands beside the flags.
func parseFlags(args []string) (*flags, []string, error) {
	f := newFlags()
	if err := f.all.Parse(args); err != nil {
		return nil, nil, f.mend(err)
	}
	if _, err := oneOf("output", f.output, "table", "wide", "json", "yaml"); err != nil {
		return nil, nil, err
	}
	if f.limit < 0 {
		return nil, nil, misused("--limit %d: give a number of flows, or 0 for all", f.limit)
	}
	if f.watch != 0 && time.Duration(f.watch) < shortestWatch {
		return nil, nil, misused("--watch=%s: give %v or more", &f.watch, shortestWatch)
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
		return &codedError{exitUsage, api.Unknown("flag", "-"+name, names, "ldctl --help")}
	}
	return misused("%w; see ldctl --help", err)
}

// allow refuses flags that do not go with the command: one that is ignored would mislead.
func (f *flags) allow(command string) error {
	var wrong error
	f.all.Visit(func(flag *pflag.Flag) {
		with := f.with[flag.Name]
		fits := slices.ContainsFunc(with, func(w string) bool { return strings.HasPrefix(command+" ", w+" ") })
		if len(with) > 0 && !fits && wrong == nil {
			wrong = misused("--%s does not go with %s, but with %s", flag.Name, command, strings.Join(with, ", "))
		}
	})
	return wrong
}

// wide tells whether more columns are wanted.
func (f *flags) wide() bool { return f.output == "wide" }

// tabular tells whether people read the output, not programs.
func (f *flags) tabular() bool { return f.output == "table" || f.wide() }

// surplus refuses arguments that nothing reads.
func surplus(words []string) error {
	if len(words) > 0 {
		return misused("unexpected argument '%s'; see ldctl --help", words[0])
	}
	return nil
}

// object reads what a command is about: KIND NAME. Kinds may stand in the plural.
func object(words []string, usage string, kinds ...string) (kind, name string, rest []string, err error) {
	if len(words) == 0 {
		return "", "", nil, misused("something is missing; write %s", usage)
	}
	if kind, err = oneOf("kind", strings.TrimSuffix(words[0], "s"), kinds...); err != nil {
		return "", "", nil, err
	}
	if len(words) < 2 {
		return "", "", nil, misused("which %s? Write %s", kind, usage)
	}
	return kind, words[1], words[2:], nil
}

// counted writes a number with its noun.
func counted[N ~int | ~uint64](n N, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}
