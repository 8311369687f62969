-- What the scripts share: what the generator's ports are cabled to, and how a run is read. Put your values in.
local site = {
  clients = "0", -- the generator's port towards the director's port outside
  reals = "1", -- and towards inside
  director_mac = "02:00:00:00:00:01", -- of outside: ip -brief link show outside, on the director
  client_mac = "02:00:00:00:00:0a",
  client = "198.19.0.1",
  virtual = "198.18.0.10",
  port = 80,
  rate = 100, -- percent of the line
  size = 64, -- bytes, with the checksum of 4
  seconds = 30,
}

-- counters are a port's since they were cleared. Pktgen renews them once a second. Older ones want to be told which counters,
-- and do not put them below curr.
local function counters(port)
  local ok, all = pcall(pktgen.portStats, port)
  if not ok then
    all = pktgen.portStats(port, "port")
  end
  local stats = all[tonumber(port)]
  return stats.curr or stats
end

-- one makes every frame the same client's.
function site.one()
  pktgen.stop("all")
  pktgen.set(site.clients, "seq_cnt", 0)
  pktgen.set_range(site.clients, "off")
  pktgen.set_mac(site.clients, "dst", site.director_mac)
  pktgen.set_mac(site.clients, "src", site.client_mac)
  pktgen.set_ipaddr(site.clients, "dst", site.virtual)
  pktgen.set_ipaddr(site.clients, "src", site.client .. "/16")
  pktgen.set_proto(site.clients, "udp")
  pktgen.set(site.clients, "sport", 1024)
  pktgen.set(site.clients, "dport", site.port)
  pktgen.set(site.clients, "size", site.size)
  pktgen.set(site.clients, "rate", site.rate)
  pktgen.set(site.clients, "count", 0) -- for ever
end

-- measure sends for a while and says what arrived behind the director.
function site.measure(what)
  pktgen.start(site.clients) -- every flow opens
  pktgen.delay(3000)
  pktgen.stop(site.clients)
  pktgen.delay(2000)
  pktgen.clr()
  pktgen.start(site.clients)
  pktgen.delay(site.seconds * 1000)
  pktgen.stop(site.clients)
  pktgen.delay(2500) -- what is on its way arrives; the counters are renewed
  local sent, arrived = counters(site.clients).opackets, counters(site.reals).ipackets
  print(string.format("%s: sent %d (%.3f Mpps), arrived %d, lost %d (%.4f %%)",
    what, sent, sent / site.seconds / 1e6, arrived, sent - arrived, 100 * (sent - arrived) / math.max(sent, 1)))
end

return site
