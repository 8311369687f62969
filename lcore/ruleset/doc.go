// Package ruleset is what workers read of the operator's wishes, and where they write what they count.
//
//   - Snapshot: virtuals, bindings, reals, routes, the director's own addresses. Immutable, pointer-free in its
//     elements, replaced as a whole; a worker reads one atomic pointer a burst.
//   - Hops: next hops' MACs and the on-link neighbours' index. One writer (control), changed in place.
//   - Counts: one worker's connections by slot. One writer (that worker), read by control.
//
// Slots are numbers that control gives to virtuals, reals, bindings and next hops. Flow records hold slots, so a
// slot keeps its meaning until no record refers to it.
package ruleset
