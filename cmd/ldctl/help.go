package main

import (
	"strings"

	"github.com/spf13/pflag"

	"linedirector/conf"
)

const helpHead = `ldctl shows what a running director does, and changes it.

Usage:
  ldctl show real|virtual|worker|port|neighbour [NAME...] [--watch] [-o FORMAT]
  ldctl show flow|sticky [VIRTUAL] [--watch] [-o FORMAT]
  ldctl show config [--previous]
  ldctl explain CLIENT:PORT VIRTUAL:PORT/PROTOCOL
  ldctl events [--follow] [--since SEQ|TIME]
  ldctl set real NAME [state STATE] [weight N] [maxconns N] [load N]
  ldctl drain real NAME [--wait]
  ldctl flush real|virtual NAME
  ldctl flush sticky --group|--virtual|--real|--client WHICH
  ldctl check|diff|apply FILE
  ldctl apply --previous

Commands:
  show real       reals: their state, open connections, ditched connections in a
                  row of as many as fail them, how many were ditched by silence
                  and by reset since the start, last response time, and for how
                  long they have been in their state
  show virtual    virtuals: connections, reals in service, and whose reals serve
  show flow       connections, one a line; a NAME picks those of a virtual
  show sticky     clients whose connections go to one real, and for how long yet
  show worker     workers: flows, packets, how busy; a NAME is a number
  show port       ports: link, addresses, packets, what was missed or damaged
  show neighbour  next hops and their MACs; a NAME is an address
  show config     the configuration in force, as it was written
  explain         what becomes of a client's packet: which virtual, which real,
                  and why; a virtual's name will do for VIRTUAL:PORT/PROTOCOL
  events          reals' changes of state, with cause and counts
  set real        settings that hold until the configuration changes them:
                  state in-service, maintenance (only sticky clients may come;
                  no probes), sticky-only (as maintenance, but probed),
                  out-of-service or externally-failed; weight (0: no new
                  connections); maxconns (0: no limit); load
  drain real      set state maintenance, and wait until no connection is left
  flush           cut live connections with RST; forget sticky entries
  check           read a configuration as the director would, without one
  diff            print in what a file differs from the configuration in force
  apply           put a file in force: all of it, or nothing where it is wrong;
                  --previous: the configuration before. FILE - is stdin

  The plural will do, too: ldctl show reals.
`

const helpExamples = `
Examples:
  See how all reals are, then everything about one:
    ldctl show real
    ldctl show real web1 -o wide

  Take a real out, wait until its connections have ended, bring it back:
    ldctl drain real web1 --wait=30m
    ldctl set real web1 state in-service

  Try a new server with a small share:
    ldctl set real web1 weight 1 maxconns 100

  See why a client comes to where it comes:
    ldctl explain 198.51.100.7:50001 192.0.2.10:80/tcp
    ldctl show sticky --client 198.51.100.7

  Change the configuration, and change one's mind:
    ldctl diff new.yaml
    ldctl apply new.yaml
    ldctl apply --previous

  See what happened in the last hour, and what happens from now on:
    ldctl events --since 1h --follow

  Count connections by phase:
    ldctl show flow -o json | jq -r '.flows[].phase' | sort | uniq -c

Exit codes:
  0 done; 1 the director refused or cannot be reached, or connections are left
  after drain --wait; 2 not understood
  of diff: 0 nothing differs; 1 something does; 2 trouble
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
