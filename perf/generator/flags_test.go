package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"linedirector/perf/generator/traffic"
)

// needed are the flags that every run has.
func needed(more ...string) []string {
	return append([]string{"--client-device", "net_ring0", "--virtual", "192.0.2.10:80"}, more...)
}

// TestFlags reads a command line with everything on it.
func TestFlags(t *testing.T) {
	s, err := parseFlags(needed("--server-device", "0000:3b:00.1", "--virtual", "192.0.2.11:443,192.0.2.12:53", "--clients", "10.1.0.0/16", "--servers", "10.0.0.8/29",
		"--answer", "192.0.2.254,10.0.0.254", "--next-hop", "02:00:00:00:00:01", "--mode", "tcp", "--flows", "123456", "--distribution", "zipf", "--skew", "1.2",
		"--rate", "1000000", "--imix", "simple", "--echo", "--seed", "9", "--duration", "3s", "--warm-up", "0s", "--json", "x.json", "--blind", "--", "--log-level", "7"))
	if err != nil {
		t.Fatal(err)
	}
	c := s.traffic
	if c.Mode != traffic.TCP || len(c.Virtuals) != 3 || c.Clients.String() != "10.1.0.0/16" || c.Servers.String() != "10.0.0.8/29" || len(c.Answer) != 2 ||
		c.Hop != [6]byte{2, 0, 0, 0, 0, 1} || c.Flows != 123456 || c.Skew != 1.2 || c.Rate != 1_000_000 || len(c.Mix) != 3 || !c.Echo || c.Seed != 9 ||
		c.Duration != 3*time.Second || c.WarmUp != 0 || !c.Blind || s.json != "x.json" {
		t.Errorf("%+v", s)
	}
	args := strings.Join(s.ealArgs(), " ")
	for _, want := range []string{"--vdev net_ring0", "--allow 0000:3b:00.1", "--in-memory", "--log-level 7"} {
		if !strings.Contains(args, want) {
			t.Errorf("EAL arguments %s: want %s", args, want)
		}
	}
	if s, err = parseFlags(needed("--size", "1514", "--next-hop", "192.0.2.1", "--no-huge")); err != nil || s.serverDevice != "net_ring0" ||
		s.traffic.HopAddr.String() != "192.0.2.1" || s.traffic.Mix[0].Bytes != 1514 || s.traffic.Skew != 0 || s.traffic.Hop != [6]byte{} {
		t.Errorf("%+v, %v", s, err)
	}
	if args := strings.Join(s.ealArgs(), " "); strings.Count(args, "net_ring0") != 1 || !strings.Contains(args, "--no-huge") || !strings.Contains(args, "-m ") {
		t.Errorf("EAL arguments %s", args)
	}
	if _, err := parseFlags([]string{"--help"}); err != pflag.ErrHelp {
		t.Errorf("help: %v", err)
	}
}

// TestFlagsRefused wants each refused with the mend.
func TestFlagsRefused(t *testing.T) {
	for want, args := range map[string][]string{
		"give --client-device":        {"--virtual", "192.0.2.10:80"},
		"give --virtual":              {"--client-device", "net_ring0"},
		"did you mean --flows":        needed("--flow", "3"),
		"see --help":                  needed("--zzzzzzzzz", "3"),
		"EAL arguments after --":      needed("what"),
		"net_memif0, net_memif1":      needed("--client-device", "net_memif0,role=client", "--server-device", "net_memif0,role=server"),
		"take one of these":           needed("--lcore", "4096"),
		"from 60 to 1514":             needed("--size", "59"),
		"from 1 to 128":               needed("--burst", "129"),
		"from 1 to 2147483647":        needed("--flows", "0"),
		"like 198.18.0.0/16":          needed("--clients", "198.18.0.1"),
		"like 192.0.2.10:80":          needed("--virtual", "192.0.2.10"),
		"like 192.0.2.254":            needed("--answer", "router"),
		"like 02:00:00:00:00:01":      needed("--next-hop", "ff:ff:ff:ff:ff:ff"),
		"udp, tcp or churn":           needed("--mode", "http"),
		"uniform or zipf":             needed("--distribution", "normal"),
		"belongs to --distribution":   needed("--skew", "1"),
		"above 0":                     needed("--distribution", "zipf", "--skew", "0"),
		"give one":                    needed("--size", "60", "--imix", "simple"),
		"write simple, classic":       needed("--imix", "60"),
		"--duration 0s: use a time":   needed("--duration", "0s"),
		"as fast as it goes":          needed("--rate", "2000000000"),
		"invalid argument \"ten\" fo": needed("--flows", "ten"),
	} {
		if _, err := parseFlags(args); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
	}
}

// TestHelp wants every flag in it, and lines of at most 80 columns.
func TestHelp(t *testing.T) {
	text := help()
	newFlagSet().all.VisitAll(func(f *pflag.Flag) {
		if !strings.Contains(text, "--"+f.Name+" ") {
			t.Errorf("--%s is not in it", f.Name)
		}
	})
	for line := range strings.Lines(text) {
		if n := len([]rune(line)) - 1; n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.Contains(text, "-1") || strings.Contains(text, "[]") {
		t.Error("a default that means nothing")
	}
}

// TestRun tries what needs no DPDK.
func TestRun(t *testing.T) {
	var stdout, stderr strings.Builder
	if code := run([]string{"--version"}, &stdout, &stderr); code != 0 || stdout.String() != "generator unknown\n" {
		t.Errorf("%d %q", code, stdout.String())
	}
	if code := run([]string{"--flows"}, &stdout, &stderr); code != 2 || !strings.HasPrefix(stderr.String(), "generator: ") {
		t.Errorf("%d %q", code, stderr.String())
	}
	stdout.Reset()
	if code := run([]string{"-h"}, &stdout, &stderr); code != 0 || stdout.String() != help() {
		t.Errorf("%d %q", code, stdout.String())
	}
}

// TestDocument wants every flag that docs/generator.md names to exist.
func TestDocument(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "generator.md"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFlagSet()
	found := 0
	for line := range strings.Lines(string(text)) {
		_, command, ok := strings.Cut(line, "bin/generator ")
		if !ok {
			continue
		}
		command, _, _ = strings.Cut(command, " -- ")
		for word := range strings.FieldsSeq(command) {
			if name, isFlag := strings.CutPrefix(strings.Trim(word, "`,.;:"), "--"); isFlag && name != "" {
				found++
				if f.all.Lookup(name) == nil && name != "help" {
					t.Errorf("docs/generator.md: there is no flag --%s", name)
				}
			}
		}
	}
	if found < 10 {
		t.Errorf("found %d flags", found)
	}
}
