package conf

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func parsed(t testing.TB, text string) *Config {
	t.Helper()
	c, err := Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%.2000v", err)
	}
	return c
}

// Each case replaces one part of a configuration.
func TestDiff(t *testing.T) {
	for _, c := range []struct {
		text, old, new string
		want           []Change
	}{
		// Objects that come and go.
		{right, "  - {name: beta,", "  - {name: gamma, address: 10.0.0.13, weight: 2, state: maintenance}\n  - {name: beta,", []Change{
			{"real", "gamma", "", "", "10.0.0.13 weight 2 state maintenance"},
		}},
		{right, "\n  - {name: www, address: 192.0.2.11, port: 80, reals: [alpha]}", "", []Change{
			{"virtual", "www", "", "192.0.2.11:80/tcp reals alpha", ""},
		}},
		{right, "name: www", "name: w3", []Change{
			{"virtual", "w3", "", "", "192.0.2.11:80/tcp reals alpha"},
			{"virtual", "www", "", "192.0.2.11:80/tcp reals alpha", ""},
		}},
		{service, "  - {name: near, ", "  - {name: far, address: 10.0.0.99, port: 1, predictor: fastest, backup: web, reals: *all}\n  - {name: near, ", []Change{
			{"virtual", "far", "", "", "10.0.0.99:1/tcp predictor fastest reals a, b=3, c=0 backup web"},
		}},
		{service, "\n  - {name: near, address: 10.0.0.100, port: 0, class: guests, sticky: off}", "", []Change{
			{"virtual", "near", "", "10.0.0.100:any/tcp of class guests", ""},
		}},
		{right, "to: 0.0.0.0/1", "to: 0.0.0.0/0", []Change{
			{"route", "0.0.0.0/0", "", "", "via 192.0.2.254"},
			{"route", "0.0.0.0/1", "", "via 192.0.2.254", ""},
		}},
		{right, "address: 10.0.0.12, mac", "address: 10.0.0.13, mac", []Change{
			{"neighbour", "10.0.0.13", "", "", "port in mac 02:00:00:00:00:0c"},
			{"neighbour", "10.0.0.12", "", "port in mac 02:00:00:00:00:0c", ""},
		}},
		{service, "secure: true", "  - {name: x, clients: [192.0.2.0/24, 192.0.3.1]}\nsecure: true", []Change{
			{"class", "x", "", "", "clients 192.0.2.0/24, 192.0.3.1/32"},
		}},
		{right, "routes:", "  - {name: more, device: net_null0, addresses: [10.9.0.1/24], side: reals}\nroutes:", []Change{
			{"port", "more", "", "", "net_null0 addresses 10.9.0.1/24 side reals"},
		}},
		{failure, "  - {name: zone, type: dns, port: 53, query: example.com, record: AAAA, answer: \"2001:DB8:0::1\"}\n", "", []Change{
			{"probe", "zone", "", "dns port 53 query example.com record AAAA answer 2001:db8::1", ""},
		}},

		// Fields.
		{right, "weight: 1", "weight: 3", []Change{{"real", "alpha", "weight", "1", "3"}}},
		{right, "address: 10.0.0.12, port: 8080", "address: 10.0.0.13", []Change{
			{"real", "beta", "address", "10.0.0.12", "10.0.0.13"}, {"real", "beta", "port", "8080", "none"},
		}},
		{right, "transit: drop", "transit: route\nsecure: true", []Change{
			{"director", "", "transit", "drop", "route"}, {"director", "", "secure", "false", "true"},
		}},
		{right, "idle: 3600s", "idle: 2h", []Change{{"virtual", "web", "timers.idle", "1h", "2h"}}},
		{right, "idle: 3600s", "idle: 1h", nil},
		{right, "via: 192.0.2.254", "via: 192.0.2.253", []Change{{"route", "0.0.0.0/1", "via", "192.0.2.254", "192.0.2.253"}}},
		{right, "mac: 02:00:00:00:00:0c", "mac: 02:00:00:00:00:0d", []Change{
			{"neighbour", "10.0.0.12", "mac", "02:00:00:00:00:0c", "02:00:00:00:00:0d"},
		}},
		{right, "[192.0.2.1/24]", "[192.0.2.1/24, 192.0.2.2/24]\n    side: clients", []Change{
			{"port", "out", "addresses", "", "+192.0.2.2/24"}, {"port", "out", "side", "both", "clients"},
		}},
		{service, "[198.51.100.0/24, 203.0.113.7]", "[203.0.113.7/32, 198.51.100.0/25]", []Change{
			{"class", "lab", "clients", "", "+198.51.100.0/25 -198.51.100.0/24"},
		}},
		{service, "sticky: off", "sticky: 90s, backup: tls", []Change{
			{"virtual", "near", "sticky", "off", "1m30s"}, {"virtual", "near", "backup", "none", "tls"},
		}},
		{service, "sticky: {timer: 1h, prefix: 24, buddies: shop}", "sticky: {timer: 1h, buddies: other}", []Change{
			{"virtual", "tls", "sticky", "{timer: 1h, prefix: 24, buddies: shop}", "{timer: 1h, buddies: other}"},
		}},
		{service, "port: any", "port: 8", []Change{{"virtual", "rest", "port", "any", "8"}}},
		{service, "class: lab", "unknown: rst", []Change{{"virtual", "web", "class", "lab", "none"}}},

		// Lists of reals, those shared by an alias, too.
		{right, "reals: [alpha, beta]", "reals: [beta, alpha]", nil},
		{right, "reals: [alpha, beta]", "reals: [beta]", []Change{{"virtual", "web", "reals", "", "-alpha"}}},
		{right, "reals: [alpha]", "reals: [{real: beta, weight: 7}]", []Change{{"virtual", "www", "reals", "", "+beta=7 -alpha"}}},
		{service, "[a, {real: b, weight: 3}, {real: c, weight: 0}]", "[{real: a, weight: 2}, b]", []Change{
			{"virtual", "web", "reals", "", "-c a=2 b=real's"}, {"virtual", "tls", "reals", "", "-c a=2 b=real's"},
		}},

		// Probes: of a template the template changes, of one in place the real.
		{failure, "path: /healthz?full=1", "path: /", []Change{{"probe", "health", "path", "/healthz?full=1", "/"}}},
		{failure, "{type: tcp, port: 81}", "{type: tcp, interval: 1s, timeout: 1s}", []Change{
			{"real", "a", "probe", "{type: tcp, port: 81}", "{type: tcp, interval: 1s, timeout: 1s}"},
		}},
		{failure, "{type: tcp, port: 81}", "health", []Change{{"real", "a", "probe", "{type: tcp, port: 81}", "health"}}},
		{failure, "{type: tcp, port: 81}", "off", []Change{{"real", "a", "probe", "{type: tcp, port: 81}", "off"}}},
		{failure, "status: [200, 300-399]", "status: [300-399, 200]", nil},
		{failure, "send-hex: 00 ff", "send: 'a b'", []Change{{"probe", "hex", "send", "00 ff", `"a b"`}}},
		{failure, "threshold: 6", "threshold: off", []Change{{"real", "d", "threshold", "6", "off"}}}, // web says it for d
	} {
		if strings.Count(c.text, c.old) != 1 {
			t.Errorf("%q is not once in the configuration", c.old)
			continue
		}
		changed, err := Parse("f.yaml", []byte(strings.Replace(c.text, c.old, c.new, 1)))
		if err != nil {
			t.Errorf("%q: %v", c.new, err)
			continue
		}
		if diff := cmp.Diff(c.want, Diff(parsed(t, c.text), changed)); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", c.new, diff)
		}
	}
}

// Kinds come in the order of the file, and what is given is what a whole file says.
func TestDiffOfNothing(t *testing.T) {
	c := parsed(t, service)
	var kinds []string
	for _, change := range Diff(nil, c) {
		if change.From != "" && change.Field == "" || change.To == "" {
			t.Errorf("%+v", change)
		}
		kinds = append(kinds, change.Kind)
	}
	if got := slices.Compact(kinds); !slices.Equal(got, []string{"port", "class", "director", "real", "virtual"}) {
		t.Errorf("%v", got)
	}
	for _, change := range Diff(c, nil) {
		if change.From == "" || change.To != "" && change.Field == "" {
			t.Errorf("%+v", change)
		}
	}
	if got := Diff(nil, nil); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// Comments, places, the order of entries and the way things are spelled are no differences.
func TestDiffOfTheSame(t *testing.T) {
	for _, text := range []string{right, whole, failure, service} {
		a, b := parsed(t, text), parsed(t, "# moved\n\n"+text)
		for _, list := range []any{b.Ports, b.Routes, b.Neighbours, b.Classes, b.Probes, b.Reals, b.Virtuals} {
			swap := reflect.Swapper(list)
			for i, n := 0, reflect.ValueOf(list).Len(); i < n/2; i++ {
				swap(i, n-1-i)
			}
		}
		if got := Diff(a, b); len(got) != 0 {
			t.Errorf("%.40q: %v", text, got)
		}
	}
}

// Each field of each object, changed alone, is a change of its key alone. A new field needs a line in diff_fields.go.
func TestDiffSeesEveryField(t *testing.T) {
	keys := map[string]string{ // where the key is not the field's name
		"Real.MaxConns": "maxconns", "Virtual.ResetAnswer": "reset", "Virtual.Aging": "fastest.aging", "Virtual.Weights": "reals",
		"Virtual.Sticky.Timer": "sticky", "Virtual.Sticky.Bits": "sticky", "Virtual.Sticky.Buddies": "sticky", "Probe.Roots": "ca",
		"Virtual.Timers.UDPIdle": "timers.udp-idle",
	}
	names := map[string]bool{ // what tells objects apart
		"Port.Name": true, "Route.To": true, "Neighbour.Address": true, "Class.Name": true, "Probe.Name": true, "Real.Name": true, "Virtual.Name": true,
	}
	const none = "no key"
	for _, field := range []string{"Name", "Text", "realBackups", "virtualBackups"} {
		keys["Config."+field] = none
	}
	pem, err := os.ReadFile("testdata/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	probe := Probe{
		Name: "n", Type: ProbeHTTP, Port: 1, Interval: 1, Jitter: 1, Timeout: 1, Rise: 1, Fall: 1, Path: "p", Host: "h",
		Status: []StatusRange{{200, 299}}, Body: regexp.MustCompile("b"), SNI: "s", CA: "c", Send: []byte("s"),
		Expect: regexp.MustCompile("e"), Query: "q", Record: "r", Answer: "a",
	}
	address, prefix := netip.MustParseAddr("192.0.2.1"), netip.MustParsePrefix("192.0.2.0/24")
	base := func() *Config {
		p := probe
		return &Config{
			Ports:      []Port{{Name: "n", Device: "d", Addresses: []netip.Prefix{prefix}}},
			Routes:     []Route{{To: prefix, Via: address}},
			Neighbours: []Neighbour{{Port: "p", Address: address}},
			Classes:    []Class{{Name: "n", Clients: []netip.Prefix{prefix}}},
			Probes:     []*Probe{&p},
			Reals:      []Real{{Name: "n", Address: address}},
			Virtuals: []Virtual{{
				Name: "n", Address: address, Reals: []string{"r"}, Weights: []int{-1}, Sticky: Sticky{Timer: time.Second, Bits: 24, Buddies: "b"},
			}},
		}
	}
	// alter gives v another value.
	alter := func(v reflect.Value) {
		switch x := v.Addr().Interface().(type) {
		case *netip.Addr:
			*x = address.Next()
		case *netip.Prefix:
			*x = netip.PrefixFrom(address, 32)
		case *[]netip.Prefix:
			*x = []netip.Prefix{netip.PrefixFrom(address, 32)}
		case *[]StatusRange:
			*x = []StatusRange{{204, 204}}
		case **Probe:
			*x = &probe
		case **regexp.Regexp:
			*x = regexp.MustCompile("other")
		case **x509.CertPool:
			*x = pool
		case *[6]byte:
			x[5]++
		case *[]string:
			*x = []string{"other"}
		case *[]int:
			*x = []int{5}
		case *[]byte:
			*x = []byte("other")
		default:
			switch v.Kind() {
			case reflect.Bool:
				v.SetBool(!v.Bool())
			case reflect.String:
				v.SetString(v.String() + "x")
			case reflect.Int, reflect.Int64:
				v.SetInt(v.Int() + 1)
			case reflect.Uint8, reflect.Uint16:
				v.SetUint(v.Uint() + 1)
			default:
				t.Fatalf("no other value of %v", v.Type())
			}
		}
	}
	seen := 0
	var each func(of string, at []int, object func(*Config) reflect.Value, in reflect.Type)
	each = func(of string, at []int, object func(*Config) reflect.Value, in reflect.Type) {
		for i := range in.NumField() {
			f := in.Field(i)
			name, index := of+"."+f.Name, append(slices.Clone(at), i)
			switch {
			case f.Type == reflect.TypeFor[Pos]():
				c := base()
				object(c).FieldByIndex(index).Set(reflect.ValueOf(Pos{7, 7}))
				if got := Diff(base(), c); len(got) != 0 {
					t.Errorf("%s: %v", name, got)
				}
				continue
			case of == "Config" && (f.Type.Kind() == reflect.Slice || !f.IsExported()) && f.Name != "Text":
				continue // the objects themselves, and what is made of them
			case f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[netip.Addr]() && f.Type != reflect.TypeFor[netip.Prefix]():
				each(name, index, object, f.Type)
				continue
			}
			seen++
			c := base()
			alter(object(c).FieldByIndex(index))
			got := Diff(base(), c)
			if names[name] {
				if len(got) != 2 || got[0].Field != "" || got[1].Field != "" || got[0].From != "" || got[1].To != "" {
					t.Errorf("%s: %v", name, got)
				}
				continue
			}
			want, odd := keys[name]
			switch {
			case odd && want == none:
				if len(got) != 0 {
					t.Errorf("%s: %v", name, got)
				}
				continue
			case !odd:
				_, path, _ := strings.Cut(name, ".")
				want = kebab(path)
			}
			if len(got) != 1 || got[0].Field != want || got[0].From == got[0].To || got[0].To == "" {
				t.Errorf("%s changed: %+v, want a change of %s", name, got, want)
			}
		}
	}
	for _, list := range []string{"Ports", "Routes", "Neighbours", "Classes", "Probes", "Reals", "Virtuals"} {
		object := func(c *Config) reflect.Value {
			return reflect.Indirect(reflect.ValueOf(c).Elem().FieldByName(list).Index(0))
		}
		each(object(base()).Type().Name(), nil, object, object(base()).Type())
	}
	each("Config", nil, func(c *Config) reflect.Value { return reflect.ValueOf(c).Elem() }, reflect.TypeFor[Config]())
	if want := 75; seen < want {
		t.Errorf("%d fields, want %d or more", seen, want)
	}
}

// kebab makes of Timers.HalfOpen timers.half-open.
func kebab(path string) string {
	return strings.ToLower(regexp.MustCompile("([a-z])([A-Z])").ReplaceAllString(path, "$1-$2"))
}

// A field is one that the file has.
func TestDiffSpeaksTheFilesKeys(t *testing.T) {
	of := func(keys []string) func(string) {
		return func(field string) {
			if key, _, _ := strings.Cut(field, "."); !slices.Contains(keys, key) {
				t.Errorf("the file has no %s", field)
			}
		}
	}
	each(realKind.fields, of(realKeys))
	each(virtualKind.fields, of(virtualKeys))
	each(probeKind.fields, of(templateKeys))
	each(classKind.fields, of(classKeys))
	each(directorKind.fields, of(topKeys))
}

func each[T any](fields []field[T], check func(string)) {
	for i := range fields {
		check(fields[i].key)
	}
}

// What changes in a file of certificates changes the probes that name it.
func TestDiffOfCertificates(t *testing.T) {
	text := strings.Replace(failure, "verify: false", "ca: testdata/ca.pem", 1)
	text = strings.Replace(text, "{type: tcp, port: 81}", "{type: https, ca: testdata/ca.pem}", 1)
	from, to := parsed(t, text), parsed(t, text)
	if got := Diff(from, to); len(got) != 0 {
		t.Errorf("%v", got)
	}
	to.Probes[2].Roots, to.Reals[0].Probe.Roots = x509.NewCertPool(), x509.NewCertPool()
	want := []Change{
		{"probe", "tls", "ca", "testdata/ca.pem", "testdata/ca.pem with other certificates"},
		{
			"real", "a", "probe", "{type: https, path: /, status: 200-299, verify: true, ca: testdata/ca.pem}",
			"{type: https, path: /, status: 200-299, verify: true, ca: testdata/ca.pem} with other certificates",
		},
	}
	if diff := cmp.Diff(want, Diff(from, to)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A long list is cut short; what is left out is counted.
func TestDiffOfLongLists(t *testing.T) {
	from, to := parsed(t, string(bigConfig(100, 2, 0, false))), parsed(t, string(bigConfig(150, 2, 0, false)))
	var added []string
	for i := 100; i < 100+maxListed; i++ {
		added = append(added, fmt.Sprintf("+r%d", i))
	}
	want := strings.Join(added, " ") + " and 30 more"
	got := Diff(from, to)
	if len(got) != 52 || got[50] != (Change{"virtual", "v0", "reals", "", want}) || got[51] != (Change{"virtual", "v1", "reals", "", want}) {
		t.Errorf("%d changes: %v", len(got), got[max(0, len(got)-2):])
	}
}

// A name may be the word for nothing.
func TestDiffOfNone(t *testing.T) {
	from := &Config{Reals: []Real{{Name: "none"}, {Name: "a"}}}
	to := &Config{Reals: []Real{{Name: "none"}, {Name: "a", Backup: "none"}}}
	if got := Diff(from, to); len(got) != 1 || got[0].Field != "backup" {
		t.Errorf("%v", got)
	}
}

// Virtuals that share a list of names but not of weights, or one that begins another.
func TestDiffSharedLists(t *testing.T) {
	names := []string{"a", "b"}
	from := &Config{Virtuals: []Virtual{{Name: "v", Reals: names}, {Name: "w", Reals: names}, {Name: "x", Reals: names}}}
	to := &Config{Virtuals: []Virtual{
		{Name: "v", Reals: names, Weights: []int{-1, 2}}, {Name: "w", Reals: names, Weights: []int{-1, -1}}, {Name: "x", Reals: names[:1]},
	}}
	want := []Change{{"virtual", "v", "reals", "", "b=2"}, {"virtual", "x", "reals", "", "-b"}}
	if diff := cmp.Diff(want, Diff(from, to)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
