package lcore

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"linedirector/lcore/ruleset"
)

// newCounts makes a worker's counters for all slots that there may ever be, in memory that the kernel gives only
// as it is touched and that the garbage collector does not see.
func newCounts(n ruleset.Slots, shared *ruleset.Shared) (*ruleset.Counts, func(), error) {
	counts, size := &ruleset.Counts{Shared: shared}, 0
	lay := func(bytes int) (at int) {
		at, size = size, size+bytes
		return at
	}
	bindings := lay((n.Bindings + 1) * int(unsafe.Sizeof(ruleset.BindingCount{})))
	reals := lay((n.Reals + 1) * int(unsafe.Sizeof(ruleset.RealCount{})))
	tallies := lay((n.Reals + 1) * int(unsafe.Sizeof(ruleset.RealTally{})))
	virtuals := lay((n.Virtuals + 1) * int(unsafe.Sizeof(ruleset.VirtualCount{})))
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, fmt.Errorf("memory for counters: %w", err)
	}
	counts.Bindings = unsafe.Slice((*ruleset.BindingCount)(unsafe.Pointer(&mem[bindings])), n.Bindings+1)
	counts.Reals = unsafe.Slice((*ruleset.RealCount)(unsafe.Pointer(&mem[reals])), n.Reals+1)
	counts.Tallies = unsafe.Slice((*ruleset.RealTally)(unsafe.Pointer(&mem[tallies])), n.Reals+1)
	counts.Virtuals = unsafe.Slice((*ruleset.VirtualCount)(unsafe.Pointer(&mem[virtuals])), n.Virtuals+1)
	return counts, func() { _ = unix.Munmap(mem) }, nil
}
