package conf

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// The kinds and their fields, in the order in which texts and changes have them.
var (
	portKind = kind[Port]{
		what: "port",
		name: func(p *Port) string { return p.Name },
		head: func(p *Port) string { return plain(p.Device) }, inHead: 1,
		fields: []field[Port]{
			{key: "device", text: func(p *Port) string { return plain(p.Device) }},
			{
				key:  "addresses",
				text: func(p *Port) string { return prefixes(p.Addresses).text() },
				change: func(_ *differ, from, to *Port) (string, string) {
					return "", prefixes(from.Addresses).change(prefixes(to.Addresses))
				},
			},
			{key: "side", text: func(p *Port) string { return p.Side.String() }},
		},
	}

	routeKind = kind[Route]{
		what: "route",
		name: func(r *Route) string { return r.To.String() },
		fields: []field[Route]{
			{key: "via", text: func(r *Route) string { return r.Via.String() }},
		},
	}

	neighbourKind = kind[Neighbour]{
		what: "neighbour",
		name: func(n *Neighbour) string { return n.Address.String() },
		fields: []field[Neighbour]{
			{key: "port", text: func(n *Neighbour) string { return n.Port }},
			{key: "mac", text: func(n *Neighbour) string { return net.HardwareAddr(n.MAC[:]).String() }},
		},
	}

	classKind = kind[Class]{
		what: "class",
		name: func(c *Class) string { return c.Name },
		fields: []field[Class]{{
			key:  "clients",
			text: func(c *Class) string { return prefixes(c.Clients).text() },
			change: func(_ *differ, from, to *Class) (string, string) {
				return "", prefixes(from.Clients).change(prefixes(to.Clients))
			},
		}},
	}

	directorKind = kind[Config]{
		what: "director",
		name: func(*Config) string { return "" },
		fields: []field[Config]{
			{key: "transit", text: func(c *Config) string { return c.Transit.String() }},
			{key: "secure", text: func(c *Config) string { return strconv.FormatBool(c.Secure) }},
		},
	}

	probeKind = kind[Probe]{
		what: "probe",
		name: func(p *Probe) string { return p.Name },
		head: func(p *Probe) string { return p.Type.String() }, inHead: 1,
		usual: Probe{
			Interval: defaultInterval, Jitter: defaultJitter, Timeout: defaultTimeout, Rise: defaultRise, Fall: defaultFall,
		},
		fields: []field[Probe]{
			{key: "type", text: func(p *Probe) string { return p.Type.String() }},
			{key: "port", text: func(p *Probe) string { return numberText(int(p.Port)) }},
			{key: "interval", text: func(p *Probe) string { return spelled(p.Interval) }},
			{key: "jitter", text: func(p *Probe) string { return fmt.Sprintf("%d%%", p.Jitter) }},
			{key: "timeout", text: func(p *Probe) string { return spelled(p.Timeout) }},
			{key: "rise", text: func(p *Probe) string { return strconv.Itoa(p.Rise) }},
			{key: "fall", text: func(p *Probe) string { return strconv.Itoa(p.Fall) }},
			{key: "path", text: func(p *Probe) string { return plainText(p.Path) }},
			{key: "host", text: func(p *Probe) string { return plainText(p.Host) }},
			{key: "status", text: func(p *Probe) string { return statusText(p.Status) }},
			{key: "body", text: func(p *Probe) string { return patternText(p.Body) }},
			{key: "sni", text: func(p *Probe) string { return plainText(p.SNI) }},
			{key: "verify", text: func(p *Probe) string { return strconv.FormatBool(p.Verify) }},
			{key: "ca", text: func(p *Probe) string { return plainText(p.CA) }, change: certificatesChange},
			{key: "send", text: func(p *Probe) string { return sendText(p.Send) }},
			{key: "expect", text: func(p *Probe) string { return patternText(p.Expect) }},
			{key: "query", text: func(p *Probe) string { return plainText(p.Query) }},
			{key: "record", text: func(p *Probe) string { return p.Record }},
			{key: "answer", text: func(p *Probe) string { return plainText(p.Answer) }},
		},
	}

	realKind = kind[Real]{
		what: "real",
		name: func(r *Real) string { return r.Name },
		head: func(r *Real) string {
			text := r.Address.String()
			if r.Port != 0 {
				text = netip.AddrPortFrom(r.Address, r.Port).String()
			}
			return text + " weight " + strconv.Itoa(r.Weight)
		},
		inHead: 3,
		usual:  usualReal(),
		fields: []field[Real]{
			{key: "address", text: func(r *Real) string { return r.Address.String() }},
			{key: "port", text: func(r *Real) string { return numberText(int(r.Port)) }},
			{key: "weight", text: func(r *Real) string { return strconv.Itoa(r.Weight) }},
			{key: "state", text: func(r *Real) string { return r.State.String() }},
			{key: "maxconns", text: func(r *Real) string { return numberText(r.MaxConns) }},
			{key: "load", text: func(r *Real) string { return strconv.Itoa(r.Load) }},
			{key: "reassign", text: func(r *Real) string { return numberText(r.Reassign) }},
			{key: "reassign-after", text: func(r *Real) string { return durationText(r.ReassignAfter, "") }},
			{key: "auto-return", text: func(r *Real) string { return strconv.FormatBool(r.AutoReturn) }},
			{key: "threshold", text: func(r *Real) string { return or(numberText(r.Threshold), "off") }},
			{key: "retry", text: func(r *Real) string { return spelled(r.Retry) }},
			{key: "slow-start", text: func(r *Real) string { return durationText(r.SlowStart, "off") }},
			{key: "probe", text: func(r *Real) string { return probeText(r.Probe) }, change: probeChange},
			{key: "backup", text: func(r *Real) string { return r.Backup }},
		},
	}

	virtualKind = kind[Virtual]{
		what: "virtual",
		name: func(v *Virtual) string { return v.Name },
		head: func(v *Virtual) string { return v.endpointText() }, inHead: 4,
		usual: usualVirtual(),
		fields: []field[Virtual]{
			{key: "address", text: func(v *Virtual) string { return v.Address.String() }},
			{key: "port", text: func(v *Virtual) string { return v.portText() }},
			{key: "protocol", text: func(v *Virtual) string { return v.Protocol.String() }},
			{key: "class", text: func(v *Virtual) string { return v.Class }},
			{key: "predictor", text: func(v *Virtual) string { return v.Predictor.String() }},
			{key: "fastest.aging", text: func(v *Virtual) string { return durationText(v.Aging, "off") }},
			{key: "hash.of", text: func(v *Virtual) string { return v.Hash.Of.String() }},
			{key: "hash.table", text: func(v *Virtual) string { return numberText(v.Hash.Table) }},
			{key: "sticky", text: func(v *Virtual) string { return v.Sticky.text() }},
			{key: "timers.half-open", text: func(v *Virtual) string { return spelled(v.Timers.HalfOpen) }},
			{key: "timers.idle", text: func(v *Virtual) string { return spelled(v.Timers.Idle) }},
			{key: "timers.close-delay", text: func(v *Virtual) string { return spelled(v.Timers.CloseDelay) }},
			{key: "timers.udp-idle", text: func(v *Virtual) string { return spelled(v.Timers.UDPIdle) }},
			{key: "expiry", text: func(v *Virtual) string { return v.Expiry.String() }},
			{key: "unknown", text: func(v *Virtual) string { return v.Unknown.String() }},
			{
				key:  "reals",
				text: func(v *Virtual) string { return entries{v.Reals, v.Weights}.text() },
				change: func(d *differ, from, to *Virtual) (string, string) {
					return "", d.listChange(entries{from.Reals, from.Weights}, entries{to.Reals, to.Weights})
				},
			},
			{key: "reassign", text: func(v *Virtual) string { return strconv.Itoa(v.Reassign) }},
			{key: "reassign-after", text: func(v *Virtual) string { return spelled(v.ReassignAfter) }},
			{key: "reset", text: func(v *Virtual) string { return v.ResetAnswer.String() }},
			{key: "no-real", text: func(v *Virtual) string { return v.NoReal.String() }},
			{key: "synguard.limit", text: func(v *Virtual) string { return numberText(v.Synguard.Limit) }},
			{key: "synguard.above", text: func(v *Virtual) string { return v.Synguard.Above.String() }},
			{key: "backup", text: func(v *Virtual) string { return v.Backup }},
		},
	}
)
