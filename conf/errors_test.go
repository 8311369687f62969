package conf

import (
	"strings"
	"testing"
)

// A right configuration in which a case replaces one part by a wrong one.
const right = `ports:
  - name: out
    device: net_af_packet0,iface=eth1
    addresses: [192.0.2.1/24]
  - name: in
    device: "0000:3b:00.1"
    addresses: [10.0.0.1/24]
routes:
  - {to: 0.0.0.0/1, via: 192.0.2.254}
neighbours:
  - {port: in, address: 10.0.0.12, mac: 02:00:00:00:00:0c}
transit: drop
reals:
  - {name: alpha, address: 10.0.0.11, port: 8080, weight: 1}
  - {name: beta, address: 10.0.0.12, port: 8080}
virtuals:
  - name: web
    address: 192.0.2.10
    port: 80
    protocol: tcp
    predictor: leastconns
    timers: {idle: 3600s}
    unknown: rst
    reals: [alpha, beta]
  - {name: www, address: 192.0.2.11, port: 80, reals: [alpha]}
`

func TestErrors(t *testing.T) {
	if _, err := Parse("f.yaml", []byte(right)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		// Keys.
		{"address: 10.0.0.11,", "adress: 10.0.0.11,", "" +
			`f.yaml:14:5: reals[0]: missing address; add address: 10.0.0.11` + "\n" +
			`f.yaml:14:19: reals[0]: unknown key "adress"; did you mean "address"?`},
		{"transit: drop", "bonding: drop", `f.yaml:12:1: unknown key "bonding"; the keys here are ports, routes, neighbours, classes, transit, secure, probes, reals and virtuals`},
		{"timers: {idle: 3600s}", "timers: {idel: 1s}", `f.yaml:22:14: virtuals[0].timers: unknown key "idel"; did you mean "idle"?`},
		{"    port: 80\n", "    port: 80\n    port: 81\n", `f.yaml:20:5: virtuals[0]: key "port" is given twice (its first value is at 19:11); remove one`},
		{"    unknown: rst", "    <<: {unknown: rst}", `f.yaml:23:5: virtuals[0]: unknown key "<<"; merging is not supported, write the keys out`},
		{"  - {name: www", "  - {? [a]: b, name: www", `f.yaml:25:8: virtuals[1]: want a key, not a list; the keys here are name, address, port, protocol, class, predictor, fastest, hash, sticky, timers, expiry, unknown, reals, reassign, reassign-after, reset, no-real, synguard, threshold, retry, slow-start, probe and backup`},
		{"  - name: out\n    device: net_af_packet0,iface=eth1\n    addresses: [192.0.2.1/24]", "  - {name: out, device: net_af_packet0,iface=eth1, addresses: [192.0.2.1/24]}", "" +
			`f.yaml:2:25: ports[0].device: the device "net_af_packet0" has no interface; add ,iface= and the name of a Linux interface` + "\n" +
			`f.yaml:2:40: ports[0]: unknown key "iface=eth1"; within braces a device with arguments needs quotes`},

		// Missing ones.
		{"address: 10.0.0.11,", "address: ,", `f.yaml:14:5: reals[0]: missing address; add address: 10.0.0.11`},
		{"name: alpha, ", "", `f.yaml:14:5: reals[0]: missing name; add name: a`},
		{"via: 192.0.2.254", "", `f.yaml:9:5: routes[0]: missing via; add via: 192.0.2.254`},
		{", mac: 02:00:00:00:00:0c", "", `f.yaml:11:5: neighbours[0]: missing mac; add mac: 02:00:00:00:00:0c`},
		{"\n    device: \"0000:3b:00.1\"", "", `f.yaml:5:5: ports[1]: missing device; add device: net_af_packet0,iface=eth1`},
		{"\n    addresses: [10.0.0.1/24]", "", `f.yaml:5:5: ports[1]: missing addresses; add addresses: [192.0.2.1/24]`},
		{"addresses: [10.0.0.1/24]", "addresses: []", `f.yaml:7:16: ports[1].addresses: no addresses; add one, like 192.0.2.1/24`},

		// Kinds of value.
		{"transit: drop", "transit: [drop]", `f.yaml:12:10: transit: want drop or route, not a list; write it on one line, without brackets`},
		{"transit: drop", "transit: drops", `f.yaml:12:10: transit: unknown transit "drops"; did you mean "drop"?`},
		{"transit: drop", "transit: !!str drop", `f.yaml:12:10: transit: tags such as !!str are not supported; remove it`},
		{"reals: [alpha, beta]", "reals: alpha", `f.yaml:24:12: virtuals[0].reals: want a list, not "alpha"; write [ ] around it, or each entry on a line of its own after "- "`},
		{"reals: [alpha, beta]", "reals: [alpha, {beta: 1}]", "" +
			`f.yaml:24:20: virtuals[0].reals[1]: missing real; add real: the name of a real` + "\n" +
			`f.yaml:24:21: virtuals[0].reals[1]: unknown key "beta"; the keys here are real and weight`},
		{"reals: [alpha, beta]", "reals: [alpha, ]\n  - no", `f.yaml:25:5: virtuals[1]: want keys and values, not "no"; the keys here are name, address, port, protocol, class, predictor, fastest, hash, sticky, timers, expiry, unknown, reals, reassign, reassign-after, reset, no-real, synguard, threshold, retry, slow-start, probe and backup`},
		{"timers: {idle: 3600s}", "timers: 3600s", `f.yaml:22:13: virtuals[0].timers: want keys and values, not "3600s"; the keys here are half-open, idle, close-delay and udp-idle`},

		// Numbers.
		{"weight: 1", "weight: 65536", `f.yaml:14:59: reals[0].weight: 65536 is out of range; use a number from 0 to 65535`},
		{"weight: 1", "weight: -1", `f.yaml:14:59: reals[0].weight: -1 is out of range; use a number from 0 to 65535`},
		{"weight: 1", "weight: 99999999999999999999", `f.yaml:14:59: reals[0].weight: 99999999999999999999 is out of range; use a number from 0 to 65535`},
		{"weight: 1", "weight: 1.5", `f.yaml:14:59: reals[0].weight: want a number, not "1.5"; use a number from 0 to 65535`},
		{"weight: 1", `weight: ""`, `f.yaml:14:59: reals[0].weight: want a number, not ""; write one or remove the key`},
		{"name: alpha, ", "name: '', ", `f.yaml:14:12: reals[0].name: want a name, not ""; write one or remove the key`},
		{"port: in,", "port: '',", `f.yaml:11:12: neighbours[0].port: want the name of a port, not ""; write one or remove the key`},
		{"reals: [alpha, beta]", "reals: [alpha, '']", `f.yaml:24:20: virtuals[0].reals[1]: want the name of a real, not ""; write one or remove the key`},
		{"reals: [alpha, beta]", "reals: [alpha, ~]", `f.yaml:24:20: virtuals[0].reals[1]: want the name of a real, not nothing; write it on one line, without brackets`},
		{"port: 8080, weight", `port: "8080", weight`, `f.yaml:14:45: reals[0].port: want a number, not the text "8080"; leave out the quotes`},
		{"port: 8080, weight", `port: http, weight`, `f.yaml:14:45: reals[0].port: want a number, not "http"; use a number from 0 to 65535`},
		{"    port: 80\n", "    port: 65536\n", `f.yaml:19:11: virtuals[0].port: 65536 is out of range; use a number from 0 to 65535`},

		// Timers.
		{"idle: 3600s", "idle: 3600", `f.yaml:22:20: virtuals[0].timers.idle: the duration 3600 has no unit; write 3600s for seconds`},
		{"idle: 3600s", "idle: 0s", `f.yaml:22:20: virtuals[0].timers.idle: 0s is not above zero; use a duration from 1ms to 24h`},
		{"idle: 3600s", "idle: -5s", `f.yaml:22:20: virtuals[0].timers.idle: -5s is not above zero; use a duration from 1ms to 24h`},
		{"idle: 3600s", "idle: 25h", `f.yaml:22:20: virtuals[0].timers.idle: 25h is out of range; use a duration from 1ms to 24h`},
		{"idle: 3600s", "idle: 1ns", `f.yaml:22:20: virtuals[0].timers.idle: 1ns is out of range; use a duration from 1ms to 24h`},
		{"idle: 3600s", "idle: 1 hour", `f.yaml:22:20: virtuals[0].timers.idle: want a duration, not "1 hour"; write it like 500ms, 30s, 10m or 1h`},

		// Words.
		{"predictor: leastconns", "predictor: rr", `f.yaml:21:16: virtuals[0].predictor: unknown predictor "rr"; use leastconns, roundrobin, weighted, fastest, loaded, hash or p2c`},
		{"predictor: leastconns", "predictor: leastconn", `f.yaml:21:16: virtuals[0].predictor: unknown predictor "leastconn"; did you mean "leastconns"?`},
		{"predictor: leastconns", "predictor: LOADED", `f.yaml:21:16: virtuals[0].predictor: unknown predictor "LOADED"; write loaded`},
		{"protocol: tcp\n    predictor: leastconns", "protocol: udp\n    predictor: fastest", `f.yaml:21:16: virtuals[0].predictor: fastest goes by handshakes of TCP, and the virtual web is for udp; use leastconns`},
		{"predictor: leastconns", "predictor: fastest\n    fastest: {aging: 2s}", `f.yaml:22:22: virtuals[0].fastest.aging: 2s is out of range; use a duration from 1µs to 1s`},
		{"predictor: leastconns", "fastest: {aging: 2ms}", `f.yaml:21:14: virtuals[0].fastest: this is for the predictor fastest, and the virtual has leastconns; remove it, or write predictor: fastest`},
		{"predictor: leastconns", "predictor: p2c\n    hash: {of: address}", `f.yaml:22:11: virtuals[0].hash: this is for the predictor hash, and the virtual has p2c; remove it, or write predictor: hash`},
		{"predictor: leastconns", "predictor: hash\n    hash: {of: port}", `f.yaml:22:16: virtuals[0].hash.of: unknown part of a client "port"; use address or endpoint`},
		{"predictor: leastconns", "predictor: hash\n    hash: {table: 65536}", `f.yaml:22:19: virtuals[0].hash.table: 65536 is no prime; use 65537`},
		{"predictor: leastconns", "predictor: hash\n    hash: {table: 102}", `f.yaml:22:19: virtuals[0].hash.table: 102 is no prime; use 101`},
		{"predictor: leastconns", "predictor: hash\n    hash: {table: 1048582}", `f.yaml:22:19: virtuals[0].hash.table: 1048582 is no prime; use 1048583`},
		{"predictor: leastconns", "predictor: hash\n    hash: {table: 100}", `f.yaml:22:19: virtuals[0].hash.table: 100 is out of range; use a number from 101 to 1048583`},
		{"weight: 1", "load: -1", `f.yaml:14:57: reals[0].load: -1 is out of range; use a number from 0 to 1073741824`},
		{"protocol: tcp", "protocol: TCP", `f.yaml:20:15: virtuals[0].protocol: unknown protocol "TCP"; write tcp`},
		{"protocol: tcp", "protocol: all", `f.yaml:20:15: virtuals[0].protocol: unknown protocol "all"; use tcp, udp or any`},
		{"protocol: tcp\n    predictor: leastconns", "protocol: any\n    predictor: fastest", `f.yaml:21:16: virtuals[0].predictor: fastest goes by handshakes of TCP, and the virtual web is for any; use leastconns`},
		{"unknown: rst", "unknown: reset", `f.yaml:23:14: virtuals[0].unknown: unknown answer "reset"; use rst or drop`},

		// Addresses.
		{"address: 10.0.0.11", "address: 10.0.0.311", `f.yaml:14:28: reals[0].address: bad address "10.0.0.311"; write four numbers from 0 to 255 without leading zeros, like 10.0.0.11`},
		{"address: 10.0.0.11", "address: server1", `f.yaml:14:28: reals[0].address: bad address "server1"; write four numbers from 0 to 255 without leading zeros, like 10.0.0.11`},
		{"address: 10.0.0.11", "address: 10.0.0.11/24", `f.yaml:14:28: reals[0].address: bad address "10.0.0.11/24"; leave out the prefix length: 10.0.0.11`},
		{"address: 10.0.0.11", "address: 10.0.0.11:80", `f.yaml:14:28: reals[0].address: bad address "10.0.0.11:80"; write 10.0.0.11 and give the port a key of its own, port: 80`},
		{"address: 10.0.0.11", "address: '2001:db8::1'", `f.yaml:14:28: reals[0].address: IPv6 is not supported yet: 2001:db8::1; use an IPv4 address`},
		{"address: 192.0.2.10", "address: 127.0.0.1", `f.yaml:18:14: virtuals[0].address: 127.0.0.1 is a loopback address; use the address of a host`},
		{"address: 192.0.2.10", "address: 224.0.0.1", `f.yaml:18:14: virtuals[0].address: 224.0.0.1 is a multicast address; use the address of a host`},
		{"address: 192.0.2.10", "address: 0.0.0.0", `f.yaml:18:14: virtuals[0].address: 0.0.0.0 is an unspecified address; use the address of a host`},
		{"address: 192.0.2.10", "address: 255.255.255.255", `f.yaml:18:14: virtuals[0].address: 255.255.255.255 is the broadcast address; use the address of a host`},
		{"address: 192.0.2.10", "address: 240.0.0.1", `f.yaml:18:14: virtuals[0].address: 240.0.0.1 is a reserved address; use the address of a host`},
		{"address: 192.0.2.10", "address: 192.0.2.255", `f.yaml:18:14: virtuals[0].address: 192.0.2.255 is the broadcast address of 192.0.2.0/24; use the address of a host`},
		{"address: 192.0.2.10", "address: 192.0.2.0", `f.yaml:18:14: virtuals[0].address: 192.0.2.0 is the network address of 192.0.2.0/24; use the address of a host`},

		// Ports.
		{"name: out\n", "name: outside-of-world\n", `f.yaml:2:11: ports[0].name: the name "outside-of-world" is longer than 15 bytes; shorten it, the port's tap has this name`},
		{"name: out\n", "name: out/side\n", `f.yaml:2:11: ports[0].name: the name "out/side" is not one for an interface; use letters, digits, and after the first . _ or -`},
		{"name: out\n", "name: lo\n", `f.yaml:2:11: ports[0].name: the name "lo" is the kernel's own; choose another`},
		{"name: out\n", "name: in\n", `f.yaml:5:11: ports[1].name: the name "in" is taken already (at 2:11); choose another`},
		{"name: out\n", "name: eth1\n", `f.yaml:2:11: ports[0].name: the name "eth1" is that of an existing interface (at 3:13); choose another, the port's tap has this name`},
		{"device: net_af_packet0,iface=eth1", "device: eth1", `f.yaml:3:13: ports[0].device: the device "eth1" is none of DPDK's; for a Linux interface write net_af_packet0,iface=eth1`},
		{"device: net_af_packet0,iface=eth1", "device: 00:3b:00:1", `f.yaml:3:13: ports[0].device: the device "00:3b:00:1" is none of DPDK's; write a PCI address like 0000:3b:00.1, or a DPDK virtual device like net_af_packet0,iface=eth1`},
		{"device: net_af_packet0,iface=eth1", "device: net_af_xdp0", `f.yaml:3:13: ports[0].device: the device "net_af_xdp0" has no interface; add ,iface= and the name of a Linux interface`},
		{"device: net_af_packet0,iface=eth1", `device: 3B:00.1`, `f.yaml:6:13: ports[1].device: the device 0000:3b:00.1 is that of port out already (at 3:13); give each port its own`},
		{`device: "0000:3b:00.1"`, "device: net_af_packet0,iface=eth2", `f.yaml:6:13: ports[1].device: the device net_af_packet0 is that of port out already (at 3:13); give each port its own`},
		{`device: "0000:3b:00.1"`, "device: net_af_packet1,iface=eth1", `f.yaml:6:13: ports[1].device: the interface eth1 is that of port out already (at 3:13); give each port its own`},
		{`device: "0000:3b:00.1"`, "device: ''", `f.yaml:6:13: ports[1].device: want a device, not ""; write one or remove the key`},
		{"device: net_af_packet0,iface=eth1", `device: 00000000:3B:00.1`, `f.yaml:6:13: ports[1].device: the device 0000:3b:00.1 is that of port out already (at 3:13); give each port its own`},
		{"[10.0.0.1/24]", "[10.0.0.1]", `f.yaml:7:17: ports[1].addresses[0]: the prefix length of 10.0.0.1 is missing; write it like 10.0.0.1/24`},
		{"[10.0.0.1/24]", "[10.0.0.1/33]", `f.yaml:7:17: ports[1].addresses[0]: bad prefix "10.0.0.1/33"; write it like 192.0.2.1/24`},
		{"[10.0.0.1/24]", "['2001:db8::1/64']", `f.yaml:7:17: ports[1].addresses[0]: IPv6 is not supported yet: 2001:db8::1/64; use an IPv4 prefix`},
		{"[10.0.0.1/24]", "[10.0.0.0/24]", `f.yaml:7:17: ports[1].addresses[0]: 10.0.0.0 is the network address of 10.0.0.0/24; use the port's own address`},
		{"[10.0.0.1/24]", "[10.0.0.255/24]", `f.yaml:7:17: ports[1].addresses[0]: 10.0.0.255 is the broadcast address of 10.0.0.0/24; use the port's own address`},
		{"[10.0.0.1/24]", "[10.0.0.1/0]", `f.yaml:7:17: ports[1].addresses[0]: 10.0.0.1/0 makes every address a neighbour; write the prefix length of the subnet, like /24`},
		{"[10.0.0.1/24]", "[10.0.0.1/24, 10.0.0.1/25]", `f.yaml:7:30: ports[1].addresses[1]: the address 10.0.0.1 is that of port in already (at 7:17); remove one`},
		{"[10.0.0.1/24]", "[10.0.0.1/24, 192.0.2.129/25]", `f.yaml:7:30: ports[1].addresses[1]: the subnet 192.0.2.128/25 overlaps 192.0.2.0/24 of port out (at 4:17); give each port subnets of its own`},
		{"[10.0.0.1/24]", "[10.0.0.1/24, 192.1.2.1/8]", `f.yaml:7:30: ports[1].addresses[1]: the subnet 192.0.0.0/8 overlaps 192.0.2.0/24 of port out (at 4:17); give each port subnets of its own`},

		// Routes and neighbours.
		{"via: 192.0.2.254", "via: 192.0.9.254", `f.yaml:9:26: routes[0].via: unresolvable next hop 192.0.9.254, it is in no port's subnet; use a gateway in 192.0.2.0/24 or 10.0.0.0/24`},
		{"via: 192.0.2.254", "via: 192.0.2.1", `f.yaml:9:26: routes[0].via: 192.0.2.1 is the address of port out itself; use another host's`},
		{"via: 192.0.2.254", "via: 192.0.2.255", `f.yaml:9:26: routes[0].via: 192.0.2.255 is the broadcast address of 192.0.2.0/24; use the address of a host`},
		{"to: 0.0.0.0/1", "to: default", `f.yaml:9:10: routes[0].to: bad prefix "default"; write 0.0.0.0/0`},
		{"to: 0.0.0.0/1", "to: 10.8.1.0/16", `f.yaml:9:10: routes[0].to: 10.8.1.0/16 has host bits set; write 10.8.0.0/16`},
		{"to: 0.0.0.0/1", "to: 224.0.0.0/4", `f.yaml:9:10: routes[0].to: 224.0.0.0/4 is no destination of unicast; remove the route`},
		{"neighbours:", "  - {to: 0.0.0.0/1, via: 10.0.0.254}\nneighbours:", `f.yaml:10:10: routes[1].to: there is a route to 0.0.0.0/1 already (at 9:10); remove one`},
		{"port: in,", "port: im,", `f.yaml:11:12: neighbours[0].port: no port is named "im"; did you mean "in"?`},
		{"port: in,", "port: elsewhere,", `f.yaml:11:12: neighbours[0].port: no port is named "elsewhere"; the ports are out and in`},
		{"port: in,", "port: out,", `f.yaml:11:26: neighbours[0].address: 10.0.0.12 is in no subnet of port out; use the port and address of a host that is connected directly`},
		{"mac: 02:00:00:00:00:0c", "mac: 02:00:00:00:00", `f.yaml:11:41: neighbours[0].mac: bad MAC address "02:00:00:00:00"; write six bytes like 02:00:00:00:00:0c`},
		{"mac: 02:00:00:00:00:0c", "mac: ff:ff:ff:ff:ff:ff", `f.yaml:11:41: neighbours[0].mac: ff:ff:ff:ff:ff:ff is the MAC address of a group; use that of one station, its first byte is even`},
		{"mac: 02:00:00:00:00:0c", "mac: 00:00:00:00:00:00", `f.yaml:11:41: neighbours[0].mac: 00:00:00:00:00:00 is no station's MAC address; use the neighbour's own`},
		{"transit: drop", "  - {port: in, address: 10.0.0.12, mac: 02:00:00:00:00:0d}", `f.yaml:12:25: neighbours[1].address: the neighbour 10.0.0.12 is given already (at 11:25); remove one`},

		// Reals.
		{"name: beta", "name: alpha", `f.yaml:15:12: reals[1].name: the name "alpha" is taken already (at 14:12); choose another`},
		{"name: beta", "name: be ta", `f.yaml:15:12: reals[1].name: the name "be ta" holds a space or a control character; use letters, digits and signs`},
		{"address: 10.0.0.12, port", "address: 10.0.0.11, port", `f.yaml:15:27: reals[1].address: reals alpha and beta share 10.0.0.11:8080 (alpha is at 14:5); give one of them another address or port`},
		{"address: 10.0.0.12, port", "address: 10.0.0.1, port", `f.yaml:15:27: reals[1].address: 10.0.0.1 is the address of port in itself; use another host's`},
		{"address: 10.0.0.12, port", "address: 192.0.2.10, port", `f.yaml:15:27: reals[1].address: 192.0.2.10 is the address of virtual web (at 17:5); use the server's own address`},
		{"address: 10.0.0.12, port", "address: 172.16.5.12, port", `f.yaml:15:27: reals[1].address: no way to 172.16.5.12, neither a port's subnet nor a route holds it; use an address in 192.0.2.0/24 or 10.0.0.0/24, or add a route: {to: 172.16.5.0/24, via: a gateway}`},

		// Virtuals.
		{"name: www", "name: web", `f.yaml:25:12: virtuals[1].name: the name "web" is taken already (at 17:11); choose another`},
		{"address: 192.0.2.11", "address: 192.0.2.10", `f.yaml:25:26: virtuals[1].address: virtuals web and www share 192.0.2.10:80/tcp (web is at 17:5); give one of them another address, port, protocol or class`},
		{"reals: [alpha, beta]", "reals: [alpha, betta]", `f.yaml:24:20: virtuals[0].reals[1]: no real is named "betta"; did you mean "beta"?`},
		{"reals: [alpha, beta]", "reals: [alpha, other]", `f.yaml:24:20: virtuals[0].reals[1]: no real is named "other"; the reals are alpha and beta`},
		{"reals: [alpha, beta]", "reals: [alpha, beta, alpha]", `f.yaml:24:26: virtuals[0].reals[2]: the real alpha is listed twice (first at 24:13); remove one`},

		// Aliases.
		{"reals: [alpha, beta]", "reals: &r [alpha, *r]", `f.yaml:24:12: virtuals[0].reals[1]: want the name of a real, not a list; write it on one line, without brackets`},
		{"timers: {idle: 3600s}", "timers: &t {idle: *t}", `f.yaml:22:13: virtuals[0].timers.idle: want a duration, not keys and values; write it on one line, without brackets`},
	} {
		if strings.Count(right, c.old) != 1 {
			t.Errorf("%q is not once in the right configuration", c.old)
			continue
		}
		_, err := Parse("f.yaml", []byte(strings.Replace(right, c.old, c.new, 1)))
		if err == nil {
			t.Errorf("%q: no error\nwant %s", c.new, c.want)
		} else if got := err.Error(); got != c.want {
			t.Errorf("%q:\ngot  %s\nwant %s", c.new, got, c.want)
		}
	}
}
