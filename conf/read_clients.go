package conf

import (
	"fmt"
	"net/netip"
	"time"

	"go.yaml.in/yaml/v4"
)

const (
	minSticky = time.Second
	maxSticky = 168 * time.Hour
)

// The keys of classes and of what is sticky.
var (
	classKeys  = []string{"name", "clients"}
	stickyKeys = []string{"timer", "prefix", "buddies"}
)

func (d *draft) readClass(_ int, v value) {
	var c Class
	var at classPlaces
	o, ok := d.object(v, classKeys...)
	if !ok {
		d.classesPartial = true
		return
	}
	c.Pos = o.pos()
	if v, ok := o.need("name", "lab"); ok {
		at.name = v
		c.Name = d.name(v)
	}
	if c.Name == "" {
		d.classesPartial = true
	}
	if v, ok := o.need("clients", "[198.51.100.0/24]"); ok {
		entries := 0
		ok := d.list(v, maxValues, "prefixes", func(_ int, v value) {
			entries++
			if p := d.clients(v); p.IsValid() {
				c.Clients = append(c.Clients, p)
				at.clients = append(at.clients, v)
			}
		})
		if ok && entries == 0 {
			d.fail(v, "no clients", "add some, like 198.51.100.0/24")
		}
	}
	d.config.Classes = append(d.config.Classes, c)
	d.classes = append(d.classes, at)
}

// clients reads the prefix of clients, or the address of one; the zero Prefix says that it failed.
func (d *draft) clients(v value) netip.Prefix {
	s, ok := d.text(v, "an IPv4 prefix")
	if !ok {
		return netip.Prefix{}
	}
	var p netip.Prefix
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		p = netip.PrefixFrom(a, 32)
	} else if p, ok = d.prefix(v, "198.51.100.0/24"); !ok {
		return netip.Prefix{}
	}
	switch {
	case p != p.Masked():
		d.fail(v, fmt.Sprintf("%v has host bits set", p), fmt.Sprintf("write %v", p.Masked()))
	case p.Addr().IsMulticast() || p.Addr().IsLoopback() || p.Bits() == 32 && notAHost(p.Addr()) != "":
		d.fail(v, fmt.Sprintf("%v holds no client", p), "remove it")
	default:
		return p
	}
	return netip.Prefix{}
}

// readSticky reads a timer alone, or with what else there is.
func (d *draft) readSticky(v value, s *Sticky, at *virtualPlaces) {
	if isOff(v) {
		return
	}
	if v.named().Kind != yaml.MappingNode {
		if d.duration(v, minSticky, maxSticky, &s.Timer) {
			s.Bits = 32
		}
		return
	}
	o, ok := d.object(v, stickyKeys...)
	if !ok {
		return
	}
	s.Bits = 32
	if v, ok := o.need("timer", "10m"); ok {
		d.duration(v, minSticky, maxSticky, &s.Timer)
	}
	right := true
	if v, ok := o.get("prefix"); ok {
		s.Bits, right = d.number(v, 1, 32)
	}
	if v, ok := o.get("buddies"); ok {
		if s.Buddies = d.name(v); s.Buddies != "" && right {
			at.buddies = v
		}
	}
}
