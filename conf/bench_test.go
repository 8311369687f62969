package conf

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// Big configurations: the first shares one list of 10,000 reals among 100
// virtuals, the next write lists out, the last says all there is of failure.
func BenchmarkParse(b *testing.B) {
	for _, c := range []struct {
		name                   string
		reals, virtuals, names int
		failure                bool
	}{
		{"reals=10000/virtuals=100/shared", 10_000, 100, 0, false},
		{"reals=10000/virtuals=1000/names=10", 10_000, 1000, 10, false},
		{"reals=1000/virtuals=100/names=1000", 1000, 100, 1000, false},
		{"reals=65535/virtuals=65535/names=1", 65_535, 65_535, 1, false},
		{"reals=10000/virtuals=100/shared/failure", 10_000, 100, 0, true},
		{"reals=65535/virtuals=65535/names=1/failure", 65_535, 65_535, 1, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			text := bigConfig(c.reals, c.virtuals, c.names, c.failure)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("f.yaml", text); err != nil {
					b.Fatalf("%.300v", err)
				}
			}
		})
	}
}

// Nothing changed, or every real's weight, and the list of each virtual. The first has more bindings than a file may.
func BenchmarkDiff(b *testing.B) {
	for _, c := range []struct {
		name                          string
		reals, virtuals, names, times int
	}{
		{"reals=10000/virtuals=1000/shared", 10_000, 100, 0, 10},
		{"reals=1000/virtuals=1000/names=990", 1000, 1000, 990, 1},
		{"reals=65535/virtuals=65535/names=1", 65_535, 65_535, 1, 1},
	} {
		read := func(reals int, weight string) *Config {
			text := bigConfig(reals, c.virtuals, c.names, true)
			text = bytes.ReplaceAll(text, []byte("weight: 1"), []byte("weight: "+weight))
			read, err := Parse("f.yaml", text)
			if err != nil {
				b.Fatalf("%.300v", err)
			}
			for time := 1; time < c.times; time++ {
				for _, v := range read.Virtuals[:c.virtuals] {
					v.Name = fmt.Sprint(v.Name, "-", time)
					read.Virtuals = append(read.Virtuals, v)
				}
			}
			return read
		}
		from := read(c.reals, "1")
		for changes, to := range map[string]*Config{"none": read(c.reals, "1"), "all": read(c.reals-1, "2")} {
			b.Run(c.name+"/changes="+changes, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if got := Diff(from, to); len(got) > c.reals != (changes == "all") {
						b.Fatalf("%d changes", len(got))
					}
				}
			})
		}
	}
}

// bigConfig writes a configuration whose virtuals name so many reals each, or,
// where names is 0, all of them by an alias; with failure each real has a
// backup, chains of ten, and each virtual what a real can leave to it.
func bigConfig(reals, virtuals, names int, failure bool) []byte {
	var b strings.Builder
	b.WriteString("ports:\n" +
		"- {name: out, device: net_null0, addresses: [172.16.0.1/12]}\n" +
		"- {name: in, device: net_null1, addresses: [10.0.0.1/8]}\n" +
		"probes: [{name: web, type: http, path: /healthz}]\nreals:\n")
	for i := range reals {
		fmt.Fprintf(&b, "- {name: r%d, address: 10.%d.%d.%d, port: 8080, weight: 1", i, 1+i/62500, i/250%250, 1+i%250)
		if failure {
			b.WriteString(", maxconns: 10000")
			if i%10 > 0 {
				fmt.Fprintf(&b, ", backup: r%d", i-1)
			}
		}
		b.WriteString("}\n")
	}
	b.WriteString("virtuals:\n")
	for i := range virtuals {
		fmt.Fprintf(&b, "- {name: v%d, address: 172.%d.%d.%d, port: 80, ", i, 16+i/62500, i/250%250, 2+i%250)
		if failure {
			b.WriteString("threshold: 5, retry: 10s, slow-start: 5s, probe: web, ")
		}
		b.WriteString("reals: ")
		switch {
		case names == 0 && i > 0:
			b.WriteString("*all}\n")
			continue
		case names == 0:
			b.WriteString("&all ")
		}
		b.WriteString("[")
		for k := range max(names, (1-min(names, 1))*reals) {
			fmt.Fprintf(&b, "r%d, ", (i+k)%reals)
		}
		b.WriteString("]}\n")
	}
	return []byte(b.String())
}
