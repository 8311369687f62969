package main

// stage is a package's benchmarks, as a packet meets them, and which of them are run.
type stage struct {
	pkg     string
	pattern string
	control bool // not on the packet path: may allocate
}

var stages = []stage{
	{pkg: "dpdk", pattern: `Exchange`},
	{pkg: "lcore/packet", pattern: `Parse|Rewrite`},
	{pkg: "flowtable", pattern: `Hash|Find/flows=1M/full/find$|Miss/flows=1M$|InsertRemove/flows=1M$`},
	{pkg: "lcore/forward", pattern: `Path/flows=(10k|1M)$|Path/new$|Connection|Translated|Hand|Owner|Schedule/.*/reals=100$|Sticky/known$|Flood|Retry|Sweep`},
	{pkg: "lcore/ruleset", pattern: `FindVirtual/virtuals=1000|FindReal|Route`},
	{pkg: "lcore/sticky", pattern: `Find|OpenClose|Sweep`},
	{pkg: "control/load", pattern: `Share`, control: true},
}
