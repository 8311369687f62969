package conf

func (d *draft) readPort(_ int, v value) {
	var p Port
	var at portPlaces
	o, ok := d.object(v, "name", "device", "addresses", "side")
	if !ok {
		d.portsPartial = true
		return
	}
	p.Pos, at.entry = o.pos(), o.value
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
