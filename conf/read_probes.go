package conf

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

const (
	minInterval = 100 * time.Millisecond
	maxInterval = time.Hour
	// What a probe has where it says nothing.
	defaultInterval = 5 * time.Second
	defaultTimeout  = 2 * time.Second
	defaultJitter   = 10
	defaultRise     = 2
	defaultFall     = 3
)

// probeKeys are those of an inline probe; a template has a name besides.
var (
	probeKeys = []string{
		"type", "port", "interval", "jitter", "timeout", "rise", "fall", "path", "host", "status", "body",
		"sni", "verify", "ca", "send", "send-hex", "expect", "query", "record", "answer",
	}
	templateKeys = append([]string{"name"}, probeKeys...)
)

// keysOfTypes are those that not every probe has.
var keysOfTypes = []struct {
	types []ProbeType
	keys  []string
}{
	{[]ProbeType{ProbeTCP, ProbeHTTP, ProbeHTTPS, ProbeUDP, ProbeDNS}, []string{"port"}},
	{[]ProbeType{ProbeHTTP, ProbeHTTPS}, []string{"path", "host", "status", "body"}},
	{[]ProbeType{ProbeHTTPS}, []string{"sni", "verify", "ca"}},
	{[]ProbeType{ProbeUDP}, []string{"send", "send-hex", "expect"}},
	{[]ProbeType{ProbeDNS}, []string{"query", "record", "answer"}},
}

// readProbe reads a template.
func (d *draft) readProbe(_ int, v value) {
	if d.probeByName == nil {
		d.probeByName = map[string]int{}
	}
	o, ok := d.object(v, templateKeys...)
	if !ok {
		d.probesPartial = true
		return
	}
	var name value
	p := &Probe{}
	if v, ok := o.need("name", "web"); ok {
		name = v
		if p.Name = d.name(v); p.Name == "off" {
			d.fail(v, `the name "off" stands for no probe`, "choose another")
			p.Name = ""
		}
	}
	d.fillProbe(&o, p)
	d.config.Probes = append(d.config.Probes, p)
	d.probes = append(d.probes, name)
	d.probeNames = append(d.probeNames, p.Name)
	i := len(d.probes) - 1
	if p.Name == "" || !d.first(d.probeByName, p.Name, i, name, func(j int) value { return d.probes[j] }) {
		d.probesPartial = true
	}
}

// readProbeOf reads the probe of a real or virtual: the name of a template, off,
// or a probe in place, once for all the aliases that name it.
func (d *draft) readProbeOf(v value) (*Probe, bool) {
	if n := v.named(); n.Kind == yaml.MappingNode {
		if known := d.inline[n]; known != nil {
			return known, true
		}
		o, ok := d.object(v, probeKeys...)
		if !ok {
			return nil, false
		}
		before, left := len(d.errs), d.left
		p := &Probe{}
		d.fillProbe(&o, p)
		d.inline[n] = p
		return p, len(d.errs) == before && d.left == left
	}
	name, ok := d.text(v, "the name of a probe, or its keys and values")
	if !ok || isOff(v) {
		return nil, ok
	}
	i, known := d.probeByName[name]
	if !known {
		if !d.probesPartial {
			d.fail(v, "no probe is named "+quoted(name), d.meant(name, d.probeNames, "the probes are "))
		}
		return nil, false
	}
	return d.config.Probes[i], true
}

// fillProbe reads all but the name.
func (d *draft) fillProbe(o *object, p *Probe) {
	p.Pos = o.pos()
	p.Interval, p.Jitter, p.Rise, p.Fall = defaultInterval, defaultJitter, defaultRise, defaultFall
	if v, ok := o.need("type", "tcp"); !ok || !choice(&d.walker, v, "type", probeWords, &p.Type) {
		return // what is right for one type is wrong for another
	}
	d.checkKeys(o, p.Type)
	if v, ok := o.get("port"); ok {
		n, _ := d.number(v, 1, 65535)
		p.Port = uint16(n)
	}
	d.readRhythm(o, p)
	switch p.Type {
	case ProbeHTTP:
		d.readHTTP(o, p)
	case ProbeHTTPS:
		d.readHTTP(o, p)
		d.readTLS(o, p)
	case ProbeUDP:
		d.readUDP(o, p)
	case ProbeDNS:
		d.readDNS(o, p)
	}
}

// checkKeys refuses keys that are for probes of other types.
func (d *draft) checkKeys(o *object, t ProbeType) {
	for _, group := range keysOfTypes {
		if slices.Contains(group.types, t) {
			continue
		}
		for _, key := range group.keys {
			if v, ok := o.get(key); ok {
				types := make([]string, len(group.types))
				for i, t := range group.types {
					types[i] = t.String()
				}
				d.fail(v, fmt.Sprintf("%s is for %s, this probe is of type %v", key, joined(types, " and "), t), "remove it")
			}
		}
	}
}

// readRhythm reads when a probe asks, and how often it must hear the same.
func (d *draft) readRhythm(o *object, p *Probe) {
	right := true
	if v, ok := o.get("interval"); ok {
		right = d.duration(v, minInterval, maxInterval, &p.Interval)
	}
	p.Timeout = min(defaultTimeout, p.Interval)
	if v, ok := o.get("timeout"); ok && d.duration(v, minTimer, maxInterval, &p.Timeout) && right && p.Timeout > p.Interval {
		d.fail(v, fmt.Sprintf("the timeout %s is longer than the interval %s", spelled(p.Timeout), spelled(p.Interval)),
			"make it "+spelled(p.Interval)+" or shorter")
	}
	if v, ok := o.get("jitter"); ok {
		d.percent(v, 50, &p.Jitter)
	}
	for _, count := range []struct {
		key string
		to  *int
	}{{"rise", &p.Rise}, {"fall", &p.Fall}} {
		if v, ok := o.get(count.key); ok {
			*count.to, _ = d.number(v, 1, 100)
		}
	}
}

func (d *draft) readHTTP(o *object, p *Probe) {
	p.Path, p.Status = "/", DefaultStatus()
	if v, ok := o.get("path"); ok {
		p.Path = d.urlPath(v)
	}
	if v, ok := o.get("host"); ok {
		p.Host = d.host(v)
	}
	if v, ok := o.get("status"); ok {
		p.Status = d.readStatus(v)
	}
	if v, ok := o.get("body"); ok {
		p.Body = d.pattern(v)
	}
}

// readStatus reads one range of codes, or a list of them.
func (d *draft) readStatus(v value) (all []StatusRange) {
	if v.named().Kind != yaml.SequenceNode {
		return []StatusRange{d.statusRange(v)}
	}
	const most = 100
	ok := d.list(v, most, "ranges", func(_ int, v value) { all = append(all, d.statusRange(v)) })
	if ok && len(all) == 0 {
		d.fail(v, "no status", "add one, like 200, or remove the key")
	}
	return all
}

func (d *draft) readTLS(o *object, p *Probe) {
	p.Verify = true
	if v, ok := o.get("verify"); ok {
		d.boolean(v, &p.Verify)
	}
	if name := withoutPort(p.Host); isDomain(name) {
		p.SNI = name
	}
	if v, ok := o.get("sni"); ok {
		p.SNI = d.domain(v)
	}
	v, ok := o.get("ca")
	if !ok {
		return
	}
	if p.CA, p.Roots = d.certificates(v); !p.Verify {
		d.fail(v, "certificates to check by, but verify is false", "remove one of the two")
	}
}

func (d *draft) readUDP(o *object, p *Probe) {
	text, isText := o.get("send")
	hex, isHex := o.get("send-hex")
	switch {
	case isText && isHex:
		d.fail(hex, "send and send-hex are both given", "remove one")
	case isText:
		p.Send = d.payload(text)
	case isHex:
		p.Send = d.hexPayload(hex)
	default:
		d.fail(o.value, "missing send", `add send: "ping", or send-hex: 70696e67`)
	}
	if v, ok := o.get("expect"); ok {
		p.Expect = d.pattern(v)
	}
}

func (d *draft) readDNS(o *object, p *Probe) {
	p.Record = recordTypes[0]
	if v, ok := o.need("query", "example.com"); ok {
		p.Query = d.queryName(v)
	}
	record, known := p.Record, true
	if v, ok := o.get("record"); ok {
		record, known = d.oneOf(v, "record", recordTypes)
	}
	p.Record = record
	if v, ok := o.get("answer"); ok && known {
		p.Answer = d.recordContent(v, record)
	}
}

// withoutPort returns the host of host:port, and what has no port as it is.
func withoutPort(host string) string {
	name, _, _ := strings.Cut(host, ":")
	return name
}
