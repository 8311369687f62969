package conf

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// exampleConfig is the worked example of the help, a file of its own so that a
// test loads it as an operator would.
//
//go:embed examples/minimal.yaml
var exampleConfig string

const helpHead = `linedirector stands between clients and a group of servers, gives the group one
address, and decides for every new connection which server takes it.

Usage:
  linedirector --config FILE [flags] [-- EAL arguments]
  linedirector doctor [--config FILE] [flags]

The second examines the machine for a start with these flags, changes nothing,
and says what to change there and why: hugepages, cores, interrupts, drivers.
It exits with 1 if there is a problem that prevents the start or costs much.
`

const helpExample = `
Example:
  Clients come in at eth1 and ask for 192.0.2.10; the servers are behind eth2.
  Put this into director.yaml:

`

const helpRun = `
  See that it is right, then run it with a worker on CPU 1:

    linedirector --config director.yaml --check
    linedirector --config director.yaml --lcores 1

  See what the machine lacks for that:

    linedirector doctor --config director.yaml --lcores 1

  Two directors on one machine need ports, sockets and files of their own:

    linedirector --config b.yaml --metrics 127.0.0.1:9481 \
      --control-socket /run/linedirector/b.sock -- --file-prefix b
`

// help returns the whole help, in lines of at most 80 columns.
func (f *flagSet) help() string {
	var b strings.Builder
	b.WriteString(helpHead)
	for _, g := range f.groups {
		b.WriteString("\n" + g.title + ":\n")
		g.flags.VisitAll(func(flag *pflag.Flag) { WriteFlag(&b, flag, 28) })
	}
	b.WriteString(helpExample)
	for line := range strings.Lines(exampleConfig) {
		b.WriteString("    " + line)
	}
	b.WriteString(helpRun)
	return b.String()
}

// WriteFlag writes a flag and, from a column on, what it is for and its default, in lines of at most 80.
func WriteFlag(b *strings.Builder, flag *pflag.Flag, column int) {
	const width = 80
	what, usage := pflag.UnquoteUsage(flag)
	name := "      --" + flag.Name
	if flag.Shorthand != "" {
		name = "  -" + flag.Shorthand + ", --" + flag.Name
	}
	switch {
	case flag.Value.Type() == "bool":
	case flag.NoOptDefVal != "": // its value may be left away
		name += "[=" + what + "]"
		usage += " (default: " + flag.NoOptDefVal + ")"
	default:
		name += " " + what
		if flag.DefValue != "" {
			usage += " (default: " + flag.DefValue + ")"
		}
	}
	line := fmt.Sprintf("%-*s", column, name)
	for _, word := range strings.Fields(usage) {
		if len(line)+1+len(word) > width {
			b.WriteString(line + "\n")
			line = strings.Repeat(" ", column)
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
