-- Latency under load: a datagram with a time stamp each millisecond beside the load; Pktgen sends it to UDP port 1028, which
-- is the virtual "latency". Run it at several loads. The page shows minimum, average, maximum and percentiles.
package.path = package.path .. ";perf/pktgen/?.lua;?.lua"
local site = require "site"

local loads = { 1, 10, 50, 80 } -- percent of the line

site.one()
pktgen.latency(site.clients, "rate", 1000) -- microseconds
pktgen.latency(site.clients, "entropy", 16) -- from so many ports
pktgen.latency(site.clients, "enable")
pktgen.latency(site.reals, "enable") -- or the port does not look for time stamps
pktgen.page("latency")
for _, load in ipairs(loads) do
  pktgen.set(site.clients, "rate", load)
  site.measure(string.format("load of %d %%", load))
  pktgen.continue("Read port " .. site.reals .. "'s column, then press a key")
end
pktgen.latency(site.clients, "disable")
pktgen.latency(site.reals, "disable")
pktgen.page("main")
