// Package lcore runs the workers: it opens ports, mempools, rings and shards, gives every queue one owner, pins a
// worker to each CPU, and lets it exchange bursts with package dpdk and decide about them in package forward.
//
//	Open ── ports, mempools, rings, shards, exchanges ──► Start ── workers run ──► Stop ──► Close
//
// Control talks to the workers only through what is shared on purpose: one pointer to the rules, counters that one
// side writes, and rings.
package lcore
