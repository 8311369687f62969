-- One flow at the full rate: one worker does all of it, whatever --lcores says.
package.path = package.path .. ";perf/pktgen/?.lua;?.lua"
local site = require "site"

site.one()
site.measure("single flow")
