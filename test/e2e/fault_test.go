package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// The ways in which a real's machine fails, as nftables rules in its namespace.
const (
	// silence drops every frame, in and out, ARP included: as if its cable were pulled, but its switch did not notice.
	// It notes from which ports clients' SYNs would have come.
	silence = `table netdev fault {
	set syns { type inet_service; size 65536; flags dynamic; }
	chain in {
		type filter hook ingress device "eth0" priority 0; policy drop;
		tcp dport 8080 tcp flags & (syn | ack) == syn update @syns { tcp sport }
	}
	chain out { type filter hook egress device "eth0" priority 0; policy drop; }
}
`
	// refusing answers SYNs as a kernel does that has no such port.
	refusing = `table ip fault {
	chain in {
		type filter hook input priority 0; policy accept;
		tcp dport 8080 tcp flags & (syn | ack) == syn reject with tcp reset
	}
}
`
	// unreachable answers SYNs as a router would that has lost the way to the real.
	unreachable = `table ip fault {
	chain in {
		type filter hook input priority 0; policy accept;
		tcp dport 8080 reject with icmp type host-unreachable
	}
}
`
	// flaky drops one SYN in two, at random.
	flaky = `table ip fault {
	chain in {
		type filter hook input priority 0; policy accept;
		tcp flags & (syn | ack) == syn numgen random mod 2 0 drop
	}
}
`
	// waking lets all pass but the first SYN, and notes from which ports they came.
	waking = `table ip fault {
	set syns { type inet_service; size 65536; flags dynamic; }
	chain in {
		type filter hook input priority 0; policy accept;
		tcp dport 8080 tcp flags & (syn | ack) == syn update @syns { tcp sport } numgen inc mod 1000000 0 drop
	}
}
`
)

// ail gives a real's machine a fault, in place of any other; "" makes it well.
func (s *site) ail(t *testing.T, real, fault string) {
	t.Helper()
	file := s.WriteFile("fault-"+real+".nft", "flush ruleset\n"+fault)
	if out, err := s.reals[real].Try("nft", "-f", file); err != nil {
		t.Fatalf("real %s: %v: %s", real, err, out)
	}
}

// attempts is how many connections' SYNs came to a real's machine under the fault silence or waking.
func (s *site) attempts(t *testing.T, real string) int {
	t.Helper()
	rules, err := s.reals[real].Try("nft", "list", "ruleset")
	if err != nil {
		t.Fatal(err)
	}
	_, elements, found := strings.Cut(rules, "elements = {")
	if !found {
		return 0
	}
	elements, _, _ = strings.Cut(elements, "}")
	return len(regexp.MustCompile(`\d+`).FindAllString(elements, -1))
}
