package conf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// What there is of clients and bindings, none with its default; a case of serviceErrors replaces one part by a wrong one.
const service = `ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]
classes:
  - {name: lab, clients: [198.51.100.0/24, 203.0.113.7]}
  - {name: guests, clients: [198.51.0.0/16]}
secure: true
reals:
  - {name: a, address: 10.0.0.11}
  - {name: b, address: 10.0.0.12, port: 80}
  - {name: c, address: 10.0.0.13, weight: 0}
virtuals:
  - name: web
    address: 10.0.0.100
    port: 80
    class: lab
    sticky: {timer: 10m, prefix: 24, buddies: shop}
    expiry: rst
    reals: &all [a, {real: b, weight: 3}, {real: c, weight: 0}]
  - {name: tls, address: 10.0.0.100, port: 443, sticky: {timer: 1h, prefix: 24, buddies: shop}, reals: *all}
  - {name: rest, address: 10.0.0.100, port: any, protocol: any, sticky: 168h, reals: [a, {real: b}]}
  - {name: near, address: 10.0.0.100, port: 0, class: guests, sticky: off}
`

func TestParseReadsServices(t *testing.T) {
	c, err := Parse("f.yaml", []byte(service))
	if err != nil {
		t.Fatal(err)
	}
	prefix := netip.MustParsePrefix
	if !c.Secure || string(c.Text) != service || len(c.Classes) != 2 {
		t.Errorf("%+v", c)
	}
	if lab := c.Classes[0]; lab.Name != "lab" || lab.Pos != (Pos{3, 5}) ||
		!slices.Equal(lab.Clients, []netip.Prefix{prefix("198.51.100.0/24"), prefix("203.0.113.7/32")}) {
		t.Errorf("%+v", lab)
	}
	type virtual struct {
		name     string
		port     uint16
		protocol Protocol
		class    string
		sticky   Sticky
		expiry   Expiry
	}
	for i, want := range []virtual{
		{"web", 80, TCP, "lab", Sticky{10 * time.Minute, 24, "shop"}, ExpiryReset},
		{"tls", 443, TCP, "", Sticky{time.Hour, 24, "shop"}, ExpirySilent},
		{"rest", 0, Any, "", Sticky{168 * time.Hour, 32, ""}, ExpirySilent},
		{"near", 0, TCP, "guests", Sticky{}, ExpirySilent},
	} {
		v := c.Virtuals[i]
		if got := (virtual{v.Name, v.Port, v.Protocol, v.Class, v.Sticky, v.Expiry}); got != want {
			t.Errorf("\ngot  %+v\nwant %+v", got, want)
		}
	}
	web, tls, rest := c.Virtuals[0], c.Virtuals[1], c.Virtuals[2]
	if !slices.Equal(web.Reals, []string{"a", "b", "c"}) || !slices.Equal(web.Weights, []int{-1, 3, 0}) {
		t.Errorf("%v, weights %v", web.Reals, web.Weights)
	}
	if &web.Reals[0] != &tls.Reals[0] || &web.Weights[0] != &tls.Weights[0] {
		t.Error("an alias is a list of its own")
	}
	if !slices.Equal(rest.Reals, []string{"a", "b"}) || rest.Weights != nil {
		t.Errorf("%v, weights %v", rest.Reals, rest.Weights)
	}
}

// Virtuals that differ in one part of what they are for stand side by side.
func TestVirtualsSideBySide(t *testing.T) {
	const head = "ports: [{name: p, device: net_null0, addresses: [10.0.0.1/24]}]\n" +
		"classes: [{name: lab, clients: [0.0.0.0/0]}]\nvirtuals:\n"
	var each []string
	for _, port := range []string{"80", "443", "any"} {
		for _, protocol := range []string{"tcp", "udp", "any"} {
			for _, class := range []string{"", ", class: lab"} {
				each = append(each, "address: 10.0.0.9, port: "+port+", protocol: "+protocol+class)
			}
		}
	}
	text := head
	for i, v := range each {
		text += fmt.Sprintf("- {name: v%d, %s}\n", i, v)
	}
	if _, err := Parse("f.yaml", []byte(text)); err != nil {
		t.Error(err)
	}
	for _, v := range each {
		_, err := Parse("f.yaml", []byte(text+"- {name: again, "+v+"}\n"))
		if errs := all(err); len(errs) != 1 || !strings.Contains(errs[0].Problem, "and again share 10.0.0.9:") {
			t.Errorf("%s twice: %v", v, err)
		}
	}
}

var serviceErrors = []struct{ old, new, want string }{
	// Classes.
	{"name: guests", "name: lab", `f.yaml:4:12: classes[1].name: the name "lab" is taken already (at 3:12); choose another`},
	{"name: guests", "name: gue sts", `f.yaml:4:12: classes[1].name: the name "gue sts" holds a space or a control character; use letters, digits and signs`},
	{"name: guests, ", "", `f.yaml:4:5: classes[1]: missing name; add name: lab`},
	{"{name: guests, clients: [198.51.0.0/16]}", "guests", `f.yaml:4:5: classes[1]: want keys and values, not "guests"; the keys here are name and clients`},
	{", clients: [198.51.0.0/16]", "", `f.yaml:4:5: classes[1]: missing clients; add clients: [198.51.100.0/24]`},
	{"[198.51.0.0/16]", "[]", `f.yaml:4:29: classes[1].clients: no clients; add some, like 198.51.100.0/24`},
	{"[198.51.0.0/16]", "198.51.0.0/16", `f.yaml:4:29: classes[1].clients: want a list, not "198.51.0.0/16"; write [ ] around it, or each entry on a line of its own after "- "`},
	{"[198.51.0.0/16]", "[198.51.1.0/16]", `f.yaml:4:30: classes[1].clients[0]: 198.51.1.0/16 has host bits set; write 198.51.0.0/16`},
	{"[198.51.0.0/16]", "[198.51.0.0/33]", `f.yaml:4:30: classes[1].clients[0]: bad prefix "198.51.0.0/33"; write it like 198.51.100.0/24`},
	{"[198.51.0.0/16]", "['2001:db8::1']", `f.yaml:4:30: classes[1].clients[0]: IPv6 is not supported yet: 2001:db8::1; use an IPv4 prefix`},
	{"[198.51.0.0/16]", "[224.0.0.0/4]", `f.yaml:4:30: classes[1].clients[0]: 224.0.0.0/4 holds no client; remove it`},
	{"[198.51.0.0/16]", "[0.0.0.0]", `f.yaml:4:30: classes[1].clients[0]: 0.0.0.0/32 holds no client; remove it`},
	{"[198.51.0.0/16]", "[203.0.113.7/32]", `f.yaml:4:30: classes[1].clients[0]: 203.0.113.7/32 is of class lab already (at 3:44); list it in one class`},
	{"[198.51.0.0/16]", "[10.0.0.0/8, 10.0.0.0/8]", `f.yaml:4:42: classes[1].clients[1]: 10.0.0.0/8 is listed twice (first at 4:30); remove one`},
	{"class: lab", "class: lap", `f.yaml:14:12: virtuals[0].class: no class is named "lap"; did you mean "lab"?`},
	{"class: lab", "class: others", `f.yaml:14:12: virtuals[0].class: no class is named "others"; the classes are lab and guests`},
	{"class: lab", "class: [lab]", `f.yaml:14:12: virtuals[0].class: want the name of a class, not a list; write it on one line, without brackets`},
	{"secure: true", "secure: yes", `f.yaml:5:9: secure: want true or false, not "yes"; write true`},

	// What virtuals are for.
	{"port: 0, class: guests", "port: any, protocol: any", `f.yaml:20:27: virtuals[3].address: virtuals rest and near share 10.0.0.100:any/any (rest is at 19:5); give one of them another address, port, protocol or class`},
	{"port: 0, class: guests", "port: 80, class: lab", `f.yaml:20:27: virtuals[3].address: virtuals web and near share 10.0.0.100:80/tcp of class lab (web is at 11:5); give one of them another address, port, protocol or class`},
	{"port: any", "port: all", `f.yaml:19:45: virtuals[2].port: want a number, not "all"; use a number from 0 to 65535`},
	{"address: 10.0.0.100, port: 0", "address: 10.0.0.1, port: 0", `f.yaml:20:27: virtuals[3].address: every port of 10.0.0.1, which is the address of port p itself, would be that of virtual near; use another address, or name one port`},
	{"port: any, ", "port: any, backup: tls, ", `f.yaml:19:58: virtuals[2].backup: virtual rest is for any, its backup tls for tcp; name one for any`},
	{"expiry: rst", "expiry: reset", `f.yaml:16:13: virtuals[0].expiry: unknown expiry "reset"; use silent or rst`},

	// Sticky.
	{"sticky: 168h", "sticky: 169h", `f.yaml:19:73: virtuals[2].sticky: 169h is out of range; use a duration from 1s to 168h`},
	{"sticky: 168h", "sticky: 10", `f.yaml:19:73: virtuals[2].sticky: the duration 10 has no unit; write 10s for seconds`},
	{"timer: 10m", "timer: 999ms", `f.yaml:15:21: virtuals[0].sticky.timer: 999ms is out of range; use a duration from 1s to 168h`},
	{"timer: 10m, ", "", `f.yaml:15:13: virtuals[0].sticky: missing timer; add timer: 10m`},
	{"timer: 10m, prefix: 24", "timer: 10m, prefix: 33", `f.yaml:15:34: virtuals[0].sticky.prefix: 33 is out of range; use a number from 1 to 32`},
	{"timer: 10m, prefix: 24", "timer: 10m, prefix: 0", `f.yaml:15:34: virtuals[0].sticky.prefix: 0 is out of range; use a number from 1 to 32`},
	{"timer: 10m, prefix", "timer: 10m, bits: 24, prefix", `f.yaml:15:26: virtuals[0].sticky: unknown key "bits"; the keys here are timer, prefix and buddies`},
	{
		"timer: 1h, prefix: 24", "timer: 1h",
		`f.yaml:18:78: virtuals[1].sticky.buddies: the buddies web and tls tell clients apart by prefixes of different length, 24 and 32 (web is at 11:5); give both the same prefix`,
	},
	{"timer: 10m, prefix: 24, buddies: shop", "timer: 10m, buddies: rest", `f.yaml:15:35: virtuals[0].sticky.buddies: the virtual rest has this name and entries of its own (at 19:5); make it one of the buddies, or choose another name for them`},

	// Bindings.
	{"{real: b, weight: 3}", "{real: b, weight: 65536}", `f.yaml:17:39: virtuals[0].reals[1].weight: 65536 is out of range; use a number from 0 to 65535`},
	{"{real: b, weight: 3}", "{real: bb, weight: 3}", `f.yaml:17:28: virtuals[0].reals[1].real: no real is named "bb"; did you mean "b"?`},
	{"{real: b, weight: 3}", "{weight: 3}", `f.yaml:17:21: virtuals[0].reals[1]: missing real; add real: the name of a real`},
	{"{real: b, weight: 3}", "{real: a, weight: 3}", `f.yaml:17:28: virtuals[0].reals[1].real: the real a is listed twice (first at 17:18); remove one`},
	{"{real: b, weight: 3}", "{real: b, wieght: 3}", `f.yaml:17:31: virtuals[0].reals[1]: unknown key "wieght"; did you mean "weight"?`},
}

func TestServiceErrors(t *testing.T) {
	for _, c := range serviceErrors {
		if strings.Count(service, c.old) != 1 {
			t.Errorf("%q is not once in the right configuration", c.old)
			continue
		}
		_, err := Parse("f.yaml", []byte(strings.Replace(service, c.old, c.new, 1)))
		if err == nil {
			t.Errorf("%.80q: no error\nwant %s", c.new, c.want)
		} else if got := err.Error(); got != c.want {
			t.Errorf("%.80q:\ngot  %s\nwant %s", c.new, got, c.want)
		}
	}
}

// What is right, though it looks as if it might not be.
func TestServicesAccepted(t *testing.T) {
	for _, c := range []struct{ old, new string }{
		{"timer: 10m, prefix: 24, buddies: shop", "timer: 10m, buddies: alone"}, // buddies of one
		{"timer: 10m, prefix: 24, buddies: shop", "timer: 10m, buddies: web"},   // its own name
		{"timer: 10m, prefix: 24, buddies: shop", "timer: 10m, buddies: near"},  // that of one which is not sticky
		{"timer: 10m, prefix: 24, buddies: shop", "timer: 10m, buddies: tls"},   // that of one which has no entries of its own
		{"{real: c, weight: 0}", "{real: c}"},
		{"    expiry: rst", "    predictor: hash\n    hash: {of: endpoint}"},
		{"[198.51.0.0/16]", "[0.0.0.0/0]"},
		{"{name: rest, ", "{name: rest, class: lab, "},
	} {
		if strings.Count(service, c.old) != 1 {
			t.Errorf("%q is not once in the right configuration", c.old)
		}
		if _, err := Parse("f.yaml", []byte(strings.Replace(service, c.old, c.new, 1))); err != nil {
			t.Errorf("%q:\n%v", c.new, err)
		}
	}
}

// A wrong class, port, prefix or binding is no reason to call wrong what goes with it.
func TestOneMistakeOfServicesIsOneError(t *testing.T) {
	for _, c := range []struct{ old, new string }{
		{"name: lab", "name: 'l b'"},
		{"{name: lab, clients: [198.51.100.0/24, 203.0.113.7]}", "lab"},
		{"timer: 10m, prefix: 24", "timer: 10m, prefix: x"},
		{"port: 0, class: guests", "port: x, protocol: any"},
		{"port: 0, class: guests", "port: any, protocol: both"},
		{"port: 0, class: guests", "port: any, protocol: any, class: []"},
		{"{real: b, weight: 3}", "{real: b, weight: x}"},
		{"{real: b, weight: 3}", "{real: [], weight: 3}"},
	} {
		if strings.Count(service, c.old) != 1 {
			t.Errorf("%q is not once in the right configuration", c.old)
		}
		_, err := Parse("f.yaml", []byte(strings.Replace(service, c.old, c.new, 1)))
		if errs := all(err); len(errs) != 1 {
			t.Errorf("%q: %d errors\n%v", c.new, len(errs), err)
		}
	}
}
