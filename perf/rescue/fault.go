package main

import "sync"

// scenario is a way in which a server dies.
type scenario struct {
	name  string
	says  string // a table's and a picture's title
	reals int    // how many die, the first ones
	begin func(*site, int) error
	end   func(*site, int) error
}

// Name is what --scenarios calls it.
func (s scenario) Name() string { return s.name }

var scenarios = []scenario{
	{"silent", "One server's machine falls silent", 1, rules(silence), lift},
	{"port-closed", "One server's process dies, its kernel answers RST", 1, killServer, (*site).startServer},
	{"unreachable", "One server's machine answers ICMP host unreachable", 1, rules(unreach), lift},
	{"flaky", "One server's machine loses every other SYN, at random", 1, rules(flake), lift},
	{"all-dead", "All four servers' machines fall silent", len(reals), rules(silence), lift},
}

// silence drops every frame at the machine's interface, in and out, ARP included: as if its cable were pulled, but
// its switch did not notice.
const silence = `
table netdev rescue {
	chain in { type filter hook ingress device "eth0" priority 0; policy drop; }
	chain out { type filter hook egress device "eth0" priority 0; policy drop; }
}
`

// unreach answers what comes for the server as a router would that has lost the way to it.
const unreach = `
table ip rescue {
	chain in {
		type filter hook input priority 0; policy accept;
		tcp dport 8080 reject with icmp type host-unreachable
	}
}
`

// flake drops connections' first packets one time in two; all others pass.
const flake = `
table ip rescue {
	chain in {
		type filter hook input priority 0; policy accept;
		tcp flags & (syn | ack) == syn numgen random mod 2 0 drop
	}
}
`

// rules puts nftables rules into a real's machine.
func rules(text string) func(*site, int) error {
	return func(_ *site, i int) error { return reals[i].machine.Run(text, "nft", "-f", "-") }
}

// lift takes them out.
func lift(_ *site, i int) error { return reals[i].machine.Run("", "nft", "flush", "ruleset") }

func killServer(s *site, i int) error {
	s.servers[i].Kill()
	return nil
}

// each does something to all reals of the scenario at the same time.
func (sc scenario) each(s *site, do func(*site, int) error) error {
	errs := make([]error, sc.reals)
	var all sync.WaitGroup
	for i := range sc.reals {
		all.Go(func() { errs[i] = do(s, i) })
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
