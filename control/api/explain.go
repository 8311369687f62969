package api

import (
	"net/http"
	"net/netip"
	"net/url"
)

// explain answers what becomes of a packet that would open a connection.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) error {
	q, err := question(r.URL.Query())
	if err != nil {
		return err
	}
	e, err := ask(s, func(b Backend) (Explanation, error) { return b.Explain(q) })
	if err != nil {
		return err
	}
	if e.Reals == nil {
		e.Reals = []Candidate{}
	}
	answer(w, http.StatusOK, e)
	return nil
}

// question reads the parameters. An IPv4 address within IPv6 is that IPv4 address.
func question(values url.Values) (q Question, err error) {
	if q.Client, err = endpointOf(values, "client", "198.51.100.7:50001"); err != nil {
		return q, err
	}
	if q.Virtual, err = endpointOf(values, "virtual", "192.0.2.10:80"); err != nil {
		return q, err
	}
	if q.Client.Addr().Is4() != q.Virtual.Addr().Is4() {
		return q, wrong("give two addresses of one family", "%s cannot reach %s", q.Client.Addr(), q.Virtual.Addr())
	}
	switch q.Protocol = values.Get("protocol"); q.Protocol {
	case "":
		q.Protocol = "tcp"
	case "tcp", "udp":
	default:
		return q, wrong("give tcp or udp, or leave it away for tcp", "no protocol '%s'", clip(q.Protocol))
	}
	return q, nil
}

// endpointOf reads the parameter of a name as an address with its L4 port.
func endpointOf(values url.Values, name, example string) (netip.AddrPort, error) {
	mend := "give an address and a port, as in " + name + "=" + example
	text := values.Get(name)
	if text == "" {
		return netip.AddrPort{}, wrong(mend, "there is no %s", name)
	}
	e, err := netip.ParseAddrPort(text)
	if err != nil || e.Port() == 0 || e.Addr().Zone() != "" {
		return e, wrong(mend, "no %s '%s'", name, clip(text))
	}
	return netip.AddrPortFrom(e.Addr().Unmap(), e.Port()), nil
}
