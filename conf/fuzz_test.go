package conf

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Parse never panics; every error is one line that names the file; and what it
// took it takes again, the same, from the JSON of what it understood, and Diff
// says so.
func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("examples/*")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(right))
	f.Add([]byte(whole))
	f.Add([]byte(failure))
	for _, c := range failureErrors {
		f.Add([]byte(strings.Replace(failure, c.old, c.new, 1)))
	}
	f.Add([]byte(service))
	for _, c := range serviceErrors {
		f.Add([]byte(strings.Replace(service, c.old, c.new, 1)))
	}
	f.Add([]byte("ports: &a [*a, {<<: *a}, !!int 5]\n---\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f.yaml", text)
		if err != nil {
			checkErrors(t, err)
			return
		}
		checkWhole(t, c)
		again, err := Parse("f.yaml", marshal(t, c))
		if err != nil {
			t.Fatalf("not again:\n%v\n%s", err, marshal(t, c))
		}
		anywhere := cmp.Comparer(func(Pos, Pos) bool { return true })
		asWritten := cmpopts.IgnoreFields(Config{}, "Text")
		if diff := cmp.Diff(c, again, equalAddrs, equalPrefixes, anywhere, asWritten, cmpopts.EquateEmpty(), cmp.AllowUnexported(Config{})); diff != "" {
			t.Fatalf("otherwise again:\n%s", diff)
		}
		if changes := Diff(c, again); len(changes) > 0 {
			t.Fatalf("differences of none: %v", changes)
		}
		for _, change := range Diff(nil, c) {
			if change.To == "" || change.Field != "" && change.Kind != "director" || strings.ContainsAny(change.To, "\n\r") {
				t.Fatalf("%+v", change)
			}
		}
	})
}

// checkWhole looks at what users of a configuration rely on.
func checkWhole(t *testing.T, c *Config) {
	if len(c.Ports) == 0 {
		t.Fatal("no ports")
	}
	for _, p := range c.Ports {
		if !validInterface(p.Name) || p.Device == "" || len(p.Addresses) == 0 {
			t.Fatalf("%+v", p)
		}
	}
	for _, r := range c.Routes {
		if !r.To.IsValid() || !r.Via.Is4() {
			t.Fatalf("%+v", r)
		}
	}
	reals := map[string]bool{}
	for _, r := range c.Reals {
		if r.Name == "" || reals[r.Name] || !r.Address.Is4() || r.Weight < 0 || r.Weight > 65535 {
			t.Fatalf("%+v", r)
		}
		reals[r.Name] = true
		checkProbe(t, r.Probe)
	}
	for i, r := range c.Reals {
		chain := c.RealChain(i)
		if (r.Backup == "") != (len(chain) == 0) || len(chain) > 0 && c.Reals[chain[0]].Name != r.Backup || slices.Contains(chain, i) {
			t.Fatalf("%+v: %v", r, chain)
		}
		if p := r.Probe; p != nil && p.Type != ProbeICMP && p.Port == 0 && r.Port == 0 {
			t.Fatalf("%+v: %+v", r, p)
		}
	}
	checkServices(t, c)
	for _, v := range c.Virtuals {
		if v.Name == "" || !v.Address.Is4() || v.Protocol != TCP && v.Protocol != UDP && v.Protocol != Any {
			t.Fatalf("%+v", v)
		}
		for _, name := range v.Reals {
			if !reals[name] {
				t.Fatalf("%+v", v)
			}
		}
	}
}

func checkServices(t *testing.T, c *Config) {
	classes, prefixes := map[string]bool{"": true}, map[netip.Prefix]bool{}
	for _, class := range c.Classes {
		if class.Name == "" || classes[class.Name] || len(class.Clients) == 0 {
			t.Fatalf("%+v", class)
		}
		classes[class.Name] = true
		for _, p := range class.Clients {
			if !p.IsValid() || !p.Addr().Is4() || p != p.Masked() || prefixes[p] {
				t.Fatalf("%+v", class)
			}
			prefixes[p] = true
		}
	}
	buddies, endpoints := map[string]int{}, map[string]bool{}
	for _, v := range c.Virtuals {
		if !classes[v.Class] || endpoints[v.endpointText()] || v.Weights != nil && len(v.Weights) != len(v.Reals) {
			t.Fatalf("%+v", v)
		}
		endpoints[v.endpointText()] = true
		if v.Weights != nil && (slices.Max(v.Weights) < 0 || slices.Max(v.Weights) > 65535 || slices.Min(v.Weights) < -1) {
			t.Fatalf("%+v", v)
		}
		s := v.Sticky
		if bits, known := buddies[s.Buddies]; known && s.Buddies != "" && bits != s.Bits {
			t.Fatalf("%+v", v)
		}
		buddies[s.Buddies] = s.Bits
		if s != (Sticky{}) && (s.Bits < 1 || s.Bits > 32 || s.Timer < time.Second) {
			t.Fatalf("%+v", v)
		}
	}
}

func checkProbe(t *testing.T, p *Probe) {
	switch {
	case p == nil:
	case p.Interval < minInterval || p.Timeout <= 0 || p.Timeout > p.Interval || p.Rise < 1 || p.Fall < 1:
		t.Fatalf("%+v", p)
	case p.Type == ProbeUDP && len(p.Send) == 0 || p.Type == ProbeDNS && (p.Query == "" || p.Record == ""):
		t.Fatalf("%+v", p)
	case (p.Type == ProbeHTTP || p.Type == ProbeHTTPS) && (p.Path[0] != '/' || len(p.Status) == 0):
		t.Fatalf("%+v", p)
	}
}

func checkErrors(t *testing.T, err error) {
	var errs Errors
	if !errors.As(err, &errs) || len(errs) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	for _, e := range errs {
		line := e.Error()
		if strings.ContainsAny(line, "\n\r") || !strings.HasPrefix(line, "f.yaml:") || e.Problem == "" || e.Mend == "" {
			t.Fatalf("%q", line)
		}
		if (e.Line == 0) != (e.Column == 0) || len(line) > 1000 {
			t.Fatalf("%q", line)
		}
	}
}

// marshal writes a configuration as JSON, all defaults spelled out.
func marshal(t *testing.T, c *Config) []byte {
	type object map[string]any
	list := func(n int, each func(int) any) []any {
		all := make([]any, n)
		for i := range all {
			all[i] = each(i)
		}
		return all
	}
	text, err := json.MarshalIndent(object{
		"ports": list(len(c.Ports), func(i int) any {
			p := c.Ports[i]
			return object{"name": p.Name, "device": p.Device, "addresses": p.Addresses, "side": p.Side.String()}
		}),
		"routes": list(len(c.Routes), func(i int) any {
			return object{"to": c.Routes[i].To, "via": c.Routes[i].Via}
		}),
		"neighbours": list(len(c.Neighbours), func(i int) any {
			n := c.Neighbours[i]
			return object{"port": n.Port, "address": n.Address, "mac": net.HardwareAddr(n.MAC[:]).String()}
		}),
		"classes": list(len(c.Classes), func(i int) any {
			return object{"name": c.Classes[i].Name, "clients": c.Classes[i].Clients}
		}),
		"transit": c.Transit.String(),
		"secure":  c.Secure,
		"probes":  list(len(c.Probes), func(i int) any { return probeObject(c.Probes[i]) }),
		"reals": list(len(c.Reals), func(i int) any {
			r := c.Reals[i]
			o := object{
				"name": r.Name, "address": r.Address, "port": r.Port, "weight": r.Weight,
				"state": r.State.String(), "maxconns": r.MaxConns, "load": r.Load, "auto-return": r.AutoReturn,
				"threshold": r.Threshold, "retry": r.Retry.String(), "slow-start": r.SlowStart.String(), "probe": "off",
			}
			switch {
			case r.Probe != nil && r.Probe.Name != "":
				o["probe"] = r.Probe.Name
			case r.Probe != nil:
				o["probe"] = probeObject(r.Probe)
			}
			if r.Backup != "" {
				o["backup"] = r.Backup
			}
			if r.Reassign != 0 {
				o["reassign"] = r.Reassign
			}
			if r.ReassignAfter != 0 {
				o["reassign-after"] = r.ReassignAfter.String()
			}
			return o
		}),
		"virtuals": list(len(c.Virtuals), func(i int) any {
			v := c.Virtuals[i]
			o := object{
				"reassign": v.Reassign, "reassign-after": v.ReassignAfter.String(), "reset": v.ResetAnswer.String(),
				"no-real":  v.NoReal.String(),
				"synguard": object{"limit": v.Synguard.Limit, "above": v.Synguard.Above.String()},
				"name":     v.Name, "address": v.Address, "port": v.Port, "protocol": v.Protocol.String(),
				"predictor": v.Predictor.String(), "unknown": v.Unknown.String(), "expiry": v.Expiry.String(),
				"reals": list(len(v.Reals), func(k int) any {
					if v.Weights == nil || v.Weights[k] < 0 {
						return v.Reals[k]
					}
					return object{"real": v.Reals[k], "weight": v.Weights[k]}
				}),
				"timers": object{
					"half-open": v.Timers.HalfOpen.String(), "idle": v.Timers.Idle.String(),
					"close-delay": v.Timers.CloseDelay.String(), "udp-idle": v.Timers.UDPIdle.String(),
				},
			}
			switch v.Predictor {
			case Fastest:
				aging := "off"
				if v.Aging > 0 {
					aging = v.Aging.String()
				}
				o["fastest"] = object{"aging": aging}
			case Hash:
				by := object{"of": v.Hash.Of.String()}
				if v.Hash.Table > 0 {
					by["table"] = v.Hash.Table
				}
				o["hash"] = by
			}
			if v.Class != "" {
				o["class"] = v.Class
			}
			if s := v.Sticky; s.Timer > 0 {
				sticky := object{"timer": s.Timer.String(), "prefix": s.Bits}
				if s.Buddies != "" {
					sticky["buddies"] = s.Buddies
				}
				o["sticky"] = sticky
			}
			if v.Backup != "" {
				o["backup"] = v.Backup
			}
			return o
		}),
	}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func probeObject(p *Probe) map[string]any {
	o := map[string]any{
		"type": p.Type.String(), "interval": p.Interval.String(), "timeout": p.Timeout.String(),
		"jitter": fmt.Sprintf("%d%%", p.Jitter), "rise": p.Rise, "fall": p.Fall,
	}
	put := func(key string, value any, given bool) {
		if given {
			o[key] = value
		}
	}
	put("name", p.Name, p.Name != "")
	put("port", p.Port, p.Port != 0)
	put("path", p.Path, p.Path != "")
	put("host", p.Host, p.Host != "")
	var status []string
	for _, r := range p.Status {
		status = append(status, fmt.Sprintf("%d-%d", r.First, r.Last))
	}
	put("status", status, len(status) > 0)
	if p.Body != nil {
		o["body"] = p.Body.String()
	}
	put("sni", p.SNI, p.SNI != "")
	put("verify", p.Verify, p.Type == ProbeHTTPS)
	put("ca", p.CA, p.CA != "")
	put("send-hex", fmt.Sprintf("% x", p.Send), len(p.Send) > 0)
	if p.Expect != nil {
		o["expect"] = p.Expect.String()
	}
	put("query", p.Query, p.Query != "")
	put("record", p.Record, p.Record != "")
	put("answer", p.Answer, p.Answer != "")
	return o
}
