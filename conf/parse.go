package conf

import (
	"net/netip"

	"go.yaml.in/yaml/v4"
)

// Parse reads and checks a configuration; name is the file's, for messages.
// The error, if any, is of type Errors and holds all that was found wrong, up
// to a hundred. A syntax error hides all others.
//
// It keeps text, which must not change from then on.
//
// It reads the files of certificates that probes name, and blocks on that.
//
// YAML's anchors and aliases work; a list of reals that many virtuals share by
// an alias is read once and costs nothing more.
func Parse(name string, text []byte) (*Config, error) {
	root, errs := document(name, text)
	if errs != nil {
		return nil, errs
	}
	d := &draft{
		walker: walker{file: plain(name)},
		config: &Config{Name: name, Text: text},
		lists:  map[*yaml.Node]*nameList{},
		inline: map[*yaml.Node]*Probe{},
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
	classes    []classPlaces
	probes     []value // their names
	reals      []realPlaces
	virtuals   []virtualPlaces

	lists  map[*yaml.Node]*nameList
	inline map[*yaml.Node]*Probe // those that a real or virtual holds itself
	roots  map[string]*certificates

	// Filled as the probes are read.
	probeByName map[string]int
	probeNames  []string

	// Filled by the checks.
	subnets       nets // of the ports
	routed        nets // of the routes
	portByName    map[string]int
	portNames     []string
	classByName   map[string]int
	classNames    []string
	realByName    map[string]int
	realNames     []string
	virtualByName map[string]int
	virtualNames  []string
	portOwner     map[netip.Addr]int

	// What is wrong itself is no reason to call wrong what needs it.
	portsPartial, routesPartial, classesPartial, probesPartial, realsPartial, virtualsPartial bool
}

type (
	portPlaces struct {
		entry, name, device value
		addresses           []value // as many as the port has
	}
	routePlaces     struct{ to, via value }
	neighbourPlaces struct{ port, address value }
	classPlaces     struct {
		name    value
		clients []value // as many as the class has
	}
	realPlaces struct {
		entry, name, address value
		given                *given
	}
	virtualPlaces struct {
		entry, name, address, list value
		class, predictor, table    value
		buddies                    value     // nowhere, too, where they can be compared with nothing
		half                       bool      // the endpoint is not whole, so it is compared with nothing
		reals                      *nameList // what list holds
		given                      *given
	}
)

// topKeys are those of the file itself.
var topKeys = []string{"ports", "routes", "neighbours", "classes", "transit", "secure", "probes", "reals", "virtuals"}

// nameList is a list of names of reals, and where it stands.
type nameList struct {
	value
	names   []string // "" where an entry is wrong
	weights []int    // of the bindings, -1 where the real's holds; nil where it does for all
	index   []int32  // of the reals, -1 where there is none; filled by the checks
}

func (d *draft) read(root value) {
	o, ok := d.object(root, topKeys...)
	if !ok {
		return
	}
	if v, ok := o.need("ports", "a list of at least one port"); ok {
		if !d.list(v, MaxPorts, "ports", d.readPort) {
			d.portsPartial = true
		} else if len(d.config.Ports) == 0 && !d.portsPartial {
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
	if v, ok := o.get("classes"); ok && !d.list(v, MaxClasses, "classes", d.readClass) {
		d.classesPartial = true
	}
	if v, ok := o.get("transit"); ok {
		choice(&d.walker, v, "transit", transitWords, &d.config.Transit)
	}
	if v, ok := o.get("secure"); ok {
		d.boolean(v, &d.config.Secure)
	}
	if v, ok := o.get("probes"); ok && !d.list(v, MaxProbes, "probes", d.readProbe) {
		d.probesPartial = true
	}
	if v, ok := o.get("reals"); ok && !d.list(v, MaxReals, "reals", d.readReal) {
		d.realsPartial = true
	}
	if v, ok := o.get("virtuals"); ok && !d.list(v, MaxVirtuals, "virtuals", d.readVirtual) {
		d.virtualsPartial = true
	}
}
