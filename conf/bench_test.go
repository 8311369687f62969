package conf

import (
	"fmt"
	"strings"
	"testing"
)

// Big configurations: the first shares one list of 10,000 reals among 1,000
// virtuals, the second writes lists out.
func BenchmarkParse(b *testing.B) {
	for _, c := range []struct {
		name                   string
		reals, virtuals, names int
	}{
		{"reals=10000/virtuals=1000/shared", 10_000, 1000, 0},
		{"reals=10000/virtuals=1000/names=10", 10_000, 1000, 10},
		{"reals=1000/virtuals=100/names=1000", 1000, 100, 1000},
		{"reals=65535/virtuals=65535/names=1", 65_535, 65_535, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			text := bigConfig(c.reals, c.virtuals, c.names)
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

// bigConfig writes a configuration whose virtuals name so many reals each, or,
// where names is 0, all of them by an alias.
func bigConfig(reals, virtuals, names int) []byte {
	var b strings.Builder
	b.WriteString("ports:\n" +
		"- {name: out, device: net_null0, addresses: [172.16.0.1/12]}\n" +
		"- {name: in, device: net_null1, addresses: [10.0.0.1/8]}\nreals:\n")
	for i := range reals {
		fmt.Fprintf(&b, "- {name: r%d, address: 10.%d.%d.%d, port: 8080, weight: 1}\n", i, 1+i/62500, i/250%250, 1+i%250)
	}
	b.WriteString("virtuals:\n")
	for i := range virtuals {
		fmt.Fprintf(&b, "- {name: v%d, address: 172.%d.%d.%d, port: 80, reals: ", i, 16+i/62500, i/250%250, 2+i%250)
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
