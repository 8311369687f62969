-- The simple IMIX: 7 frames of 64 bytes, 4 of 594, 1 of 1518, each place of the mix a flow of its own.
package.path = package.path .. ";perf/pktgen/?.lua;?.lua"
local site = require "site"

local sizes = { 64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64 }

site.one()
for place, size in ipairs(sizes) do
  pktgen.seqTable(place - 1, site.clients, {
    eth_dst_addr = site.director_mac,
    eth_src_addr = site.client_mac,
    ip_dst_addr = site.virtual,
    ip_src_addr = site.client .. "/16",
    sport = 1024 + place,
    dport = site.port,
    ethType = "ipv4",
    ipProto = "udp",
    vlanid = 1,
    pktSize = size,
    cos = 0,
    tos = 0,
    tcp_flags = "ack",
    gtpu_teid = 0,
  })
end
pktgen.set(site.clients, "seq_cnt", #sizes)
site.measure("IMIX")
pktgen.set(site.clients, "seq_cnt", 0)
