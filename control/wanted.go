package control

import (
	"errors"
	"fmt"

	"linedirector/conf"
	"linedirector/control/kernel"
)

// wanted is what a configuration asks of the kernel.
func wanted(c *conf.Config) kernel.Wanted {
	var w kernel.Wanted
	place := map[string]int{}
	for i, p := range c.Ports {
		place[p.Name] = i
		for _, a := range p.Addresses {
			w.Addresses = append(w.Addresses, kernel.PortAddress{Port: i, Prefix: a})
		}
	}
	for i := range c.Virtuals {
		w.Virtuals = append(w.Virtuals, c.Virtuals[i].Address)
	}
	for _, r := range c.Routes {
		w.Routes = append(w.Routes, kernel.WantedRoute{To: r.To, Via: r.Via})
	}
	for _, n := range c.Neighbours {
		w.Neighbours = append(w.Neighbours, kernel.StaticNeighbour{Port: place[n.Port], Address: n.Address, MAC: n.MAC})
	}
	return w
}

// inFile gives what the kernel refused its place in the configuration.
func inFile(c *conf.Config, err error) error {
	var item *kernel.ItemError
	if !errors.As(err, &item) {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	e := conf.Error{File: c.Name, Problem: item.Err.Error(), Mend: item.Mend}
	switch i := item.Index; item.List {
	case "addresses": // of all ports, in order
		for k, p := range c.Ports {
			if i < len(p.Addresses) {
				e.Pos, e.Key = p.Pos, fmt.Sprintf("ports[%d].addresses[%d]", k, i)
				break
			}
			i -= len(p.Addresses)
		}
	case "virtuals":
		e.Pos, e.Key = c.Virtuals[i].Pos, fmt.Sprintf("virtuals[%d].address", i)
	case "routes":
		e.Pos, e.Key = c.Routes[i].Pos, fmt.Sprintf("routes[%d]", i)
	case "neighbours":
		e.Pos, e.Key = c.Neighbours[i].Pos, fmt.Sprintf("neighbours[%d]", i)
	}
	return e
}
