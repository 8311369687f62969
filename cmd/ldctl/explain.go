package main

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"linedirector/control/api"
	"linedirector/control/api/render"
)

// explain says what becomes of a packet, and why: ldctl explain CLIENT:PORT VIRTUAL:PORT[/PROTOCOL].
func (c *call) explain(ctx context.Context, words []string) error {
	if len(words) < 2 {
		return misused("something is missing; write ldctl explain CLIENT:PORT VIRTUAL:PORT/PROTOCOL, or a virtual's name")
	}
	if err := surplus(words[2:]); err != nil {
		return err
	}
	if err := c.allow("explain"); err != nil {
		return err
	}
	var q api.Question
	var err error
	if q.Client, err = netip.ParseAddrPort(words[0]); err != nil || q.Client.Port() == 0 {
		return misused("no client '%s'; give address and port, as in 198.51.100.7:50001", words[0])
	}
	if q.Virtual, q.Protocol, err = c.destination(ctx, words[1]); err != nil {
		return err
	}
	e, err := c.client.Explain(ctx, q)
	if err != nil {
		return err
	}
	return c.document(e, func() error { return render.Explanation(c.out, &e) })
}

// destination reads where a packet goes: address and port, or the name of a virtual that has one.
func (c *call) destination(ctx context.Context, text string) (to netip.AddrPort, protocol string, err error) {
	endpoint, protocol, given := strings.Cut(text, "/")
	if to, err = netip.ParseAddrPort(endpoint); err == nil && to.Port() != 0 {
		if !given {
			protocol = "tcp"
		}
		_, err = oneOf("protocol", protocol, "tcp", "udp")
		return to, protocol, err
	}
	virtuals, err := c.client.Virtuals(ctx, text)
	if err != nil {
		return to, "", err
	}
	v := virtuals[max(0, slices.IndexFunc(virtuals, func(v api.Virtual) bool { return !v.Draining }))]
	if v.Port == 0 || v.Protocol != "tcp" && v.Protocol != "udp" {
		return to, "", misused("virtual '%s' has no one port and protocol; say which, as in %s/tcp", v.Name, netip.AddrPortFrom(v.Address, 80))
	}
	return netip.AddrPortFrom(v.Address, v.Port), v.Protocol, nil
}
