package main

import (
	"strings"
	"testing"
)

const results = `# Commit abc, 2026-11-25. Debian
goos: linux
pkg: linedirector/lcore/packet
cpu: Some CPU
BenchmarkParse/tcp         	30021878	         3.362 ns/op	       0 B/op	       0 allocs/op
BenchmarkRewrite/tcp       	13176937	         9.177 ns/op	         4.589 ns/rewrite	      16 B/op	       1 allocs/op
BenchmarkRewrite/tcp       	13176937	         9.177 ns/op	         4.589 ns/rewrite	      16 B/op	       1 allocs/op
pkg: linedirector/control/load
cpu: Some CPU
BenchmarkShare             	    3370	     35417 ns/op	    1024 B/op	      12 allocs/op
`

// TestAllocations: of the packet path each that allocates is named once, of control none.
func TestAllocations(t *testing.T) {
	if got := strings.Join(allocations(results), " "); got != "BenchmarkRewrite/tcp" {
		t.Errorf("%q allocate", got)
	}
}

// TestJudge: another CPU is said so that nobody overlooks it, and what was compared in any case.
func TestJudge(t *testing.T) {
	for cpu, other := range map[string]bool{"Some CPU": false, "Some CPU, newer": true} {
		said := judge(results, strings.NewReplacer("Some CPU", cpu, "abc", "def").Replace(results))
		if strings.Contains(said, "ANOTHER MACHINE: Some CPU; this one is "+cpu) != other {
			t.Errorf("%s: %s", cpu, said)
		}
		if !strings.Contains(said, "abc, 2026") || !strings.Contains(said, "def, 2026") {
			t.Errorf("commits are not in %q", said)
		}
	}
}
