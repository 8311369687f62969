-- Many flows: random bits in each frame as it is sent, 16 of the source port and some of the source address. The checksums
-- stay those of the frame before, so they are wrong; the director forwards them so.
package.path = package.path .. ";perf/pktgen/?.lua;?.lua"
local site = require "site"

local bits = 4 -- of the address: 16 clients of 65,536 ports, 1,048,576 flows

site.one()
local address, port = 26, 34 -- bytes into the frame
pktgen.rnd(site.clients, 0, port, string.rep("X", 16))
pktgen.rnd(site.clients, 1, address, string.rep(".", 32 - bits) .. string.rep("X", bits))
site.measure(string.format("%d flows", 1 << (16 + bits)))
pktgen.rnd(site.clients, 0, port, "off")
pktgen.rnd(site.clients, 1, address, "off")
