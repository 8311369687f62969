-- Range mode: a source port a flow, 32,000 of them. Pktgen makes these frames once, into the packet buffers of its transmit
-- queue, and sends buffers as they come back: the director sees as many flows as buffers are in turn, 32,768 at most, and
-- over net_memif, which gives them back at once, 32 or 64. For many flows see flows.lua, or replay a capture.
package.path = package.path .. ";perf/pktgen/?.lua;?.lua"
local site = require "site"

site.one()
local port = site.clients
pktgen.range.dst_mac(port, "start", site.director_mac)
pktgen.range.src_mac(port, "start", site.client_mac)
pktgen.range.dst_ip(port, "start", site.virtual)
pktgen.range.dst_ip(port, "inc", "0.0.0.0")
pktgen.range.dst_port(port, "start", site.port)
pktgen.range.dst_port(port, "inc", 0)
pktgen.range.src_ip(port, "start", site.client)
pktgen.range.src_ip(port, "inc", "0.0.0.0")
pktgen.range.src_port(port, "start", 1024)
pktgen.range.src_port(port, "min", 1024)
pktgen.range.src_port(port, "max", 33023)
pktgen.range.src_port(port, "inc", 1)
pktgen.range.ip_proto(port, "udp")
pktgen.range.pkt_size(port, "start", site.size)
pktgen.range.pkt_size(port, "inc", 0)
pktgen.set_range(port, "on")
site.measure("range")
pktgen.set_range(port, "off")
