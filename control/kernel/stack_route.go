package kernel

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// addRoutes adds the routes that are missing, as addAddresses does with addresses.
func (s *Stack) addRoutes(old *Stack, w *Wanted, undo *undoList) error {
	table, err := s.listRoutes()
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	s.routes = map[routeItem]netlink.Route{}
	for i, want := range w.Routes {
		k, err := w.resolve(want)
		if err != nil {
			return &ItemError{
				List: "routes", Index: i, Err: err,
				Mend: "give a port an address in that subnet, or add a static neighbour for the next hop",
			}
		}
		if _, twice := s.routes[k]; twice {
			continue
		}
		metric, foreign := table.metric(k.to)
		if foreign != "" {
			s.warnings = append(s.warnings, fmt.Sprintf("route %v via %v stands behind one that exists (%s): the director's "+
				"packets take it, the kernel's own (answers to a ping, probes) do not", k.to, k.via, foreign))
		}
		if before, ours := old.routes[k]; ours && table.has(before) {
			s.routes[k] = before
			continue
		}
		r := s.route(k, metric)
		if err := s.h.RouteAppend(&r); errors.Is(err, unix.EEXIST) {
			continue
		} else if err != nil {
			return &ItemError{List: "routes", Index: i, Err: fmt.Errorf("%v via %v: %w", k.to, k.via, err)}
		}
		undo.push(func() error { return s.h.RouteDel(&r) })
		s.routes[k] = r
	}
	return nil
}

// resolve finds the port by which a route leaves.
func (w *Wanted) resolve(r WantedRoute) (routeItem, error) {
	k := routeItem{to: r.To.Masked(), via: r.Via}
	if k.port = w.onPort(r.Via); k.port >= 0 {
		return k, nil
	}
	for _, n := range w.Neighbours {
		if n.Address == r.Via {
			// The kernel refuses a next hop outside its subnets unless told that it is on the link.
			k.port, k.flag = n.Port, unix.RTNH_F_ONLINK
			return k, nil
		}
	}
	return k, fmt.Errorf("%v via %v: the next hop is in no port's subnet", r.To, r.Via)
}

func (s *Stack) route(k routeItem, metric int) netlink.Route {
	return netlink.Route{
		LinkIndex: s.taps[k.port].index,
		Dst:       ipNet(k.to),
		Gw:        k.via.AsSlice(),
		Protocol:  Protocol,
		Priority:  metric,
		Flags:     k.flag,
		Table:     unix.RT_TABLE_MAIN,
	}
}

// routeList is the main table by destination.
type routeList map[netip.Prefix][]netlink.Route

func (s *Stack) listRoutes() (routeList, error) {
	list, err := s.h.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	table := make(routeList, len(list))
	for _, r := range list {
		p, ok := prefixOf(r.Dst)
		if !ok {
			p = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
		}
		table[p] = append(table[p], r)
	}
	return table, nil
}

// metric is the one that a new route to p gets: 0, or above every route that is not ours, and then one of
// those in words.
func (t routeList) metric(p netip.Prefix) (metric int, foreign string) {
	for _, r := range t[p] {
		if r.Protocol == Protocol {
			continue
		}
		metric = max(metric, r.Priority+1)
		foreign = fmt.Sprintf("via %v, interface %d, metric %d", r.Gw, r.LinkIndex, r.Priority)
	}
	return metric, foreign
}

func (t routeList) has(want netlink.Route) bool {
	p, _ := prefixOf(want.Dst)
	for _, r := range t[p] {
		if r.Protocol == want.Protocol && r.LinkIndex == want.LinkIndex && r.Priority == want.Priority && r.Gw.Equal(want.Gw) {
			return true
		}
	}
	return false
}
