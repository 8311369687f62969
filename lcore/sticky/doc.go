// Package sticky is the table of sticky entries, which all workers and control share: a client of a group of virtuals,
// and the real that its connections go to (SPEC.md section 3).
//
// It lies in memory handed to New, hugepages in service and the heap in tests, and is bounded. Entries are in buckets of
// two cache lines, each with a lock of its own, so that workers meet only where their clients do. It is touched when a
// connection opens or closes, never per packet. docs/design/0009-sticky.md says why it is so, and what it costs.
package sticky
