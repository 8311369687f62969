package metrics

import "github.com/prometheus/client_golang/prometheus"

// families are all metrics, with their help and units.
var families = struct {
	flowsOpen, flowsCapacity, flowsGuests, flowsOpened, flowsClosed, flowsEvicted, flowsGaveWay, flowsTranslated, flowsCut, indexMoves,
	stickyEntries, stickyCapacity, stickyHits, stickyGaveWay, stickyRefused,
	realConnections, virtualConnections, connections,
	realState, realDitched, realDitchedTotal, realReassigned, realResponse, realTransitions, probeUp,
	virtualHalfOpen, virtualNoReal,
	packets, bytes, transit, drops, refused, handed, punted,
	busyCycles, cycles, stall, polls,
	portUp, portSteering, portPackets, portBytes, portErrors,
	mbufsUsed, mbufs, allocated, collections *prometheus.Desc
	workersAllocated, workersCollections *prometheus.Desc
}{
	flowsOpen:       describe("flows_open", "Records in use, one a connection, closing ones included, summed over workers."),
	flowsCapacity:   describe("flows_capacity", "Records that the workers' tables hold together."),
	flowsGuests:     describe("flows_guests", "Records beside those in use that are copies of flows of other workers: their frames come to a worker that does not own them."),
	flowsOpened:     describe("flows_opened_total", "Records ever taken into use."),
	flowsClosed:     describe("flows_closed_total", "Records that left: after their close delay or by a timer."),
	flowsEvicted:    describe("flows_evicted_total", "Half-open connections that gave way to new ones in a full table."),
	flowsGaveWay:    describe("flows_gave_way_total", "Half-open connections that gave way to new ones of their virtual (synguard)."),
	flowsTranslated: describe("flows_translated_total", "Connections whose real sees another port of the client's: another connection had the client's own there."),
	flowsCut:        describe("flows_cut_total", "Connections that the director ended: flushed, or idle for too long (expiry: rst)."),
	indexMoves:      describe("flow_index_moves_total", "Index entries moved to make room for others."),

	stickyEntries:  describe("sticky_entries", "Sticky entries, one a client and group of virtuals."),
	stickyCapacity: describe("sticky_capacity", "Sticky entries that the table is made for."),
	stickyHits:     describe("sticky_hits_total", "Connections that went to the real that their client's sticky entry named."),
	stickyGaveWay:  describe("sticky_gave_way_total", "Sticky entries without connections that gave way to new ones in a full table."),
	stickyRefused:  describe("sticky_refused_total", "Connections whose client got no sticky entry: the table was full of such with connections."),

	realConnections:    describe("real_connections", "Open connections that count on the real.", "real"),
	virtualConnections: describe("virtual_connections", "Open connections that count on the virtual.", "virtual"),
	connections:        describe("connections_total", "Connections opened, by virtual and the real that took them.", "virtual", "real"),

	realState:        describe("real_state", "1 for the state that the real is in, 0 for the others.", "real", "state"),
	realDitched:      describe("real_ditched", "Consecutive connections that the real did not answer; its threshold of them fails it.", "real"),
	realDitchedTotal: describe("real_ditched_total", "Connections that the real did not answer, by cause: silence, or reset (a RST or an ICMP unreachable).", "real", "cause"),
	realReassigned:   describe("real_reassigned_total", "Ditched connections of the real that another real took.", "real"),
	realResponse:     describe("real_response_seconds", "The real's last response time, from a SYN that was forwarded to its SYN-ACK, in clients' traffic; absent until one is measured.", "real"),
	realTransitions:  describe("real_transitions_total", "Transitions of the real, by the state that it entered; absent where it never did.", "real", "to"),
	probeUp:          describe("probe_up", "1 if the real's active probe finds it up, 0 if not; absent where it is not probed.", "real"),
	virtualHalfOpen:  describe("virtual_half_open", "TCP connections of the virtual whose handshake is not finished.", "virtual"),
	virtualNoReal:    describe("virtual_no_real_total", "SYNs and first datagrams to the virtual that no real could take.", "virtual"),

	packets: describe("packets_total", "Packets forwarded for flows; forward is client to real, reply is real to client.", "direction"),
	bytes:   describe("bytes_total", "Bytes of Ethernet frames forwarded for flows, without FCS.", "direction"),
	transit: describe("transit_packets_total", "Packets routed that belong to no virtual (transit: route)."),
	drops:   describe("drops_total", "Frames dropped, by cause.", "cause"),
	refused: describe("resets_sent_total", "RSTs sent in answer to TCP packets of no flow."),
	handed:  describe("handed_over_packets_total", "Frames that workers handed over to the worker that owns their flow."),
	punted:  describe("punted_packets_total", "Frames given to the kernel's taps, by kind.", "kind"),

	busyCycles: describe("worker_busy_cycles_total", "Cycles of the time stamp counter in polls that brought frames.", "worker"),
	cycles:     describe("worker_cycles_total", "Cycles of the time stamp counter since the worker started.", "worker"),
	stall:      describe("worker_longest_stall_seconds", "Longest time between two polls of a worker's queues since it started; of a nap only what it took beyond its length.", "worker"),
	polls:      describe("worker_poll_seconds", "Time from one poll of a worker's queues to the next, of a nap only what it took beyond its length.", "worker"),

	portUp:       describe("port_up", "1 if the port's link is up.", "port"),
	portSteering: describe("port_steering_info", "Who brings packets to the worker that owns their flow: the device's RSS (hardware), hand-over (software), or nobody where there is one worker (none).", "port", "steering"),
	portPackets:  describe("port_packets_total", "Packets, as the device counts them.", "port", "direction"),
	portBytes:    describe("port_bytes_total", "Bytes, as the device counts them.", "port", "direction"),
	portErrors:   describe("port_errors_total", "Packets that the device lost or refused: missed (receive queue full), no-mbuf (mempool empty), rx, tx, tx-full (transmit queue full).", "port", "kind"),

	mbufsUsed:   describe("mbufs_in_use", "Mbufs of a NUMA node's mempool that hold frames or stand ready in receive queues.", "socket"),
	mbufs:       describe("mbufs", "Mbufs of a NUMA node's mempool.", "socket"),
	allocated:   describe("control_allocated_bytes_total", "Bytes that control's process ever allocated on Go's heap; its rate is what garbage collections cost."),
	collections: describe("control_collections_total", "Garbage collections of control's process. They stop no worker."),

	workersAllocated:   describe("workers_allocated_bytes_total", "Bytes that the workers' process ever allocated on Go's heap; it hardly grows once workers run."),
	workersCollections: describe("workers_collections_total", "Garbage collections of the workers' process; each stops the workers for a moment, and none is expected once they run."),
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("linedirector_"+name, help, labels, nil)
}
