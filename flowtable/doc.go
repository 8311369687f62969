// Package flowtable is one worker's shard of the flow table: an index from what a packet shows (its
// five-tuple) to a record, two index entries and one 64-byte record a connection.
//
// A shard has one writer and one reader, the same worker. It holds no lock, no pointer and no Go
// allocation: it lies in memory handed to New, hugepages in service and the heap in tests.
// docs/design/0001-flow-table.md publishes the byte layout and the measurements behind it.
package flowtable
