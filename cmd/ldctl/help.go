package main

import (
	"strings"

	"github.com/spf13/pflag"

	"linedirector/conf"
)

const helpHead = `ldctl shows what a running director does, and sets the states of its reals.

Usage:
  ldctl show real|virtual|flow|worker [NAME...] [-o table|wide|json]
  ldctl events [--follow] [--since SEQ|TIME]
  ldctl set real NAME state STATE

Commands:
  show real       reals: their state, open connections, ditched connections in a
                  row of as many as fail them, how many were ditched by silence
                  and by reset since the start, last response time, and for how
                  long they have been in their state
  show virtual    virtuals: connections, reals in service, and whose reals serve
  show flow       connections, one a line; a NAME picks those of a virtual
  show worker     workers: flows, packets, how busy; a NAME is a number
  events          reals' changes of state, with cause and counts
  set real        set a state: in-service, maintenance (only sticky clients may
                  come; no probes), sticky-only (as maintenance, but probed),
                  out-of-service or externally-failed

  The plural will do, too: ldctl show reals.
`

const helpExamples = `
Examples:
  See how all reals are, then everything about one:
    ldctl show real
    ldctl show real web1 -o wide

  Take a real out for a while, see its connections end, bring it back:
    ldctl set real web1 state maintenance
    ldctl show flow --real web1
    ldctl set real web1 state in-service

  See what happened in the last hour, and what happens from now on:
    ldctl events --since 1h --follow

  Count connections by phase:
    ldctl show flow -o json | jq -r '.flows[].phase' | sort | uniq -c

Exit codes:
  0 done; 1 the director refused or cannot be reached; 2 not understood
`

// text returns the whole help, in lines of at most 80 columns.
func (f *flags) text() string {
	var b strings.Builder
	b.WriteString(helpHead)
	for _, g := range f.groups {
		b.WriteString("\n" + g.title + ":\n")
		g.flags.VisitAll(func(flag *pflag.Flag) { conf.WriteFlag(&b, flag, 24) })
	}
	b.WriteString(helpExamples)
	return b.String()
}
