-- A capture over and over, given at the start: -s 0:replay.pcap. See perf/pktgen/capture.
package.path = package.path .. ";perf/pktgen/?.lua;?.lua"
local site = require "site"

pktgen.stop("all")
pktgen.set(site.clients, "rate", site.rate)
pktgen.set(site.clients, "count", 0)
pktgen.pcap(site.clients, "on")
site.measure("replay")
pktgen.pcap(site.clients, "off")
