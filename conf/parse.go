package conf

import (
	"net/netip"
	"time"

	"go.yaml.in/yaml/v4"
)

// Parse reads and checks a configuration; name is the file's, for messages.
// The error, if any, is of type Errors and holds all that was found wrong, up
// to a hundred. A syntax error hides all others.
//
// YAML's anchors and aliases work; a list of reals that many virtuals share by
// an alias is read once and costs nothing more.
func Parse(name string, text []byte) (*Config, error) {
	root, errs := document(name, text)
	if errs != nil {
		return nil, errs
	}
	d := &draft{
		walker: walker{file: shown(name)},
		config: &Config{Name: name},
		lists:  map[*yaml.Node]*nameList{},
	}
	d.read(value{node: root})
	d.check()
	if err := d.result(); err != nil {
		return nil, err
	}
	return d.config, nil
}

// draft is a configuration while it is read and checked. What was written
// wrong is left zero in it, has its error already and is not checked again.
type draft struct {
	walker
	config *Config

	// Where things stand, entry by entry as in config.
	ports      []portPlaces
	routes     []routePlaces
	neighbours []neighbourPlaces
	reals      []realPlaces
	virtuals   []virtualPlaces

	lists map[*yaml.Node]*nameList

	// Filled by the checks.
	subnets    nets // of the ports
	routed     nets // of the routes
	portByName map[string]int
	portNames  []string
	realByName map[string]int
	realNames  []string
	portOwner  map[netip.Addr]int

	// A wrong port, route or real is no reason to call what needs it wrong, too.
	portsPartial, routesPartial, realsPartial bool
}

type (
	portPlaces struct {
		name, device value
		addresses    []value // as many as the port has
	}
	routePlaces     struct{ to, via value }
	neighbourPlaces struct{ port, address value }
	realPlaces      struct{ name, address, port value }
	virtualPlaces   struct {
		name, address, list value
		reals               *nameList // what list holds
	}
)

// nameList is a list of names of reals, and where it stands.
type nameList struct {
	value
	names []string // "" where an entry is wrong
}

func (d *draft) read(root value) {
	o, ok := d.object(root, "ports", "routes", "neighbours", "transit", "reals", "virtuals")
	if !ok {
		return
	}
	if v, ok := o.need("ports", "a list of at least one port"); ok {
		if !d.list(v, MaxPorts, "ports", d.readPort) {
			d.portsPartial = true
		} else if len(d.config.Ports) == 0 {
			d.fail(v, "no ports", "add at least one")
		}
	} else {
		d.portsPartial = true
	}
	if v, ok := o.get("routes"); ok && !d.list(v, maxValues, "routes", d.readRoute) {
		d.routesPartial = true
	}
	if v, ok := o.get("neighbours"); ok {
		d.list(v, maxValues, "neighbours", d.readNeighbour)
	}
	if v, ok := o.get("transit"); ok {
		choice(&d.walker, v, "transit", transitWords, &d.config.Transit)
	}
	if v, ok := o.get("reals"); ok && !d.list(v, MaxReals, "reals", d.readReal) {
		d.realsPartial = true
	}
	if v, ok := o.get("virtuals"); ok {
		d.list(v, MaxVirtuals, "virtuals", d.readVirtual)
	}
}

func (d *draft) readPort(_ int, v value) {
	var p Port
	var at portPlaces
	o, ok := d.object(v, "name", "device", "addresses", "side")
	if !ok {
		d.portsPartial = true
		return
	}
	p.Pos = o.pos()
	if v, ok := o.need("name", "outside"); ok {
		at.name = v
		p.Name = d.portName(v)
	}
	if p.Name == "" {
		d.portsPartial = true
	}
	if v, ok := o.need("device", "net_af_packet0,iface=eth1"); ok {
		at.device = v
		p.Device = d.device(v)
	}
	if v, ok := o.need("addresses", "[192.0.2.1/24]"); ok {
		d.readAddresses(v, &p, &at)
	}
	if len(p.Addresses) == 0 {
		d.portsPartial = true
	}
	if v, ok := o.get("side"); ok {
		choice(&d.walker, v, "side", sideWords, &p.Side)
	}
	d.config.Ports = append(d.config.Ports, p)
	d.ports = append(d.ports, at)
}

func (d *draft) readAddresses(v value, p *Port, at *portPlaces) {
	entries := 0
	ok := d.list(v, MaxAddresses, "addresses", func(_ int, v value) {
		entries++
		a, ok := d.hostPrefix(v)
		if !ok {
			d.portsPartial = true
			return
		}
		p.Addresses = append(p.Addresses, a)
		at.addresses = append(at.addresses, v)
	})
	if ok && entries == 0 {
		d.fail(v, "no addresses", "add one, like 192.0.2.1/24")
	}
}

func (d *draft) readRoute(_ int, v value) {
	var r Route
	var at routePlaces
	o, ok := d.object(v, "to", "via")
	if !ok {
		d.routesPartial = true
		return
	}
	r.Pos = o.pos()
	if v, ok := o.need("to", "0.0.0.0/0"); ok {
		at.to = v
		r.To = d.destination(v)
	}
	if v, ok := o.need("via", "192.0.2.254"); ok {
		at.via = v
		r.Via = d.address(v)
	}
	if !r.To.IsValid() {
		d.routesPartial = true
	}
	d.config.Routes = append(d.config.Routes, r)
	d.routes = append(d.routes, at)
}

func (d *draft) readNeighbour(_ int, v value) {
	var n Neighbour
	var at neighbourPlaces
	o, ok := d.object(v, "port", "address", "mac")
	if !ok {
		return
	}
	n.Pos = o.pos()
	if v, ok := o.need("port", "the name of a port"); ok {
		at.port = v
		n.Port, _ = d.text(v, "the name of a port")
	}
	if v, ok := o.need("address", "10.0.0.12"); ok {
		at.address = v
		n.Address = d.address(v)
	}
	if v, ok := o.need("mac", "02:00:00:00:00:0c"); ok {
		n.MAC, _ = d.mac(v)
	}
	d.config.Neighbours = append(d.config.Neighbours, n)
	d.neighbours = append(d.neighbours, at)
}

func (d *draft) readReal(_ int, v value) {
	r := Real{Weight: 1}
	var at realPlaces
	o, ok := d.object(v, "name", "address", "port", "weight")
	if !ok {
		d.realsPartial = true
		return
	}
	r.Pos = o.pos()
	if v, ok := o.need("name", "a"); ok {
		at.name = v
		r.Name = d.name(v)
	}
	if r.Name == "" {
		d.realsPartial = true
	}
	if v, ok := o.need("address", "10.0.0.11"); ok {
		at.address = v
		r.Address = d.address(v)
	}
	if v, ok := o.get("port"); ok {
		at.port = v
		n, ok := d.number(v, 0, 65535)
		r.Port = uint16(n)
		if !ok {
			r.Address = netip.Addr{} // half an endpoint is compared with nothing
		}
	}
	if v, ok := o.get("weight"); ok {
		if n, ok := d.number(v, 0, 65535); ok {
			r.Weight = n
		}
	}
	d.config.Reals = append(d.config.Reals, r)
	d.reals = append(d.reals, at)
}

func (d *draft) readVirtual(_ int, v value) {
	x := Virtual{Protocol: TCP, Timers: DefaultTimers()}
	var at virtualPlaces
	o, ok := d.object(v, "name", "address", "port", "protocol", "predictor", "timers", "unknown", "reals")
	if !ok {
		return
	}
	x.Pos = o.pos()
	if v, ok := o.need("name", "web"); ok {
		at.name = v
		x.Name = d.name(v)
	}
	if v, ok := o.need("address", "192.0.2.10"); ok {
		at.address = v
		x.Address = d.address(v)
	}
	if v, ok := o.need("port", "80"); ok {
		n, _ := d.number(v, 1, 65535)
		x.Port = uint16(n)
	}
	if v, ok := o.get("protocol"); ok {
		before := len(d.errs)
		choice(&d.walker, v, "protocol", protocolWords, &x.Protocol)
		if len(d.errs) > before {
			x.Port = 0 // half an endpoint is compared with nothing
		}
	}
	if v, ok := o.get("predictor"); ok {
		choice(&d.walker, v, "predictor", predictorWords, &x.Predictor)
	}
	if v, ok := o.get("timers"); ok {
		d.readTimers(v, &x.Timers)
	}
	if v, ok := o.get("unknown"); ok {
		choice(&d.walker, v, "answer", unknownWords, &x.Unknown)
	}
	if v, ok := o.get("reals"); ok {
		at.list = v
		if at.reals = d.readNames(v); at.reals != nil {
			x.Reals = at.reals.names
		}
	}
	d.config.Virtuals = append(d.config.Virtuals, x)
	d.virtuals = append(d.virtuals, at)
}

func (d *draft) readTimers(v value, t *Timers) {
	o, ok := d.object(v, "half-open", "idle", "close-delay", "udp-idle")
	if !ok {
		return
	}
	for _, timer := range []struct {
		key string
		to  *time.Duration
	}{
		{"half-open", &t.HalfOpen},
		{"idle", &t.Idle},
		{"close-delay", &t.CloseDelay},
		{"udp-idle", &t.UDPIdle},
	} {
		if v, ok := o.get(timer.key); ok {
			d.timer(v, timer.to)
		}
	}
}

// readNames reads a list of reals, once for all the aliases that name it.
func (d *draft) readNames(v value) *nameList {
	l := &nameList{value: v}
	if v.node.Kind == yaml.AliasNode {
		l.node = v.node.Alias
	}
	if known := d.lists[l.node]; known != nil {
		return known
	}
	ok := d.list(v, MaxReals, "reals", func(_ int, v value) {
		s, _ := d.text(v, "the name of a real")
		l.names = append(l.names, s)
	})
	if !ok {
		return nil
	}
	d.lists[l.node] = l
	return l
}
