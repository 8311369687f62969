// Package packet reads and rewrites frames in place: header views, Parse, checksums, Rewrite, and the two
// packets that a worker answers with itself (TCP RST, ICMP time exceeded).
//
// Values are in host byte order, packet bytes in network byte order. Lengths are checked once, in Parse; after
// it a panic means a bug. Nothing here allocates, blocks or keeps state.
package packet
