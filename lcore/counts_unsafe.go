package lcore

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"linedirector/lcore/ruleset"
)

// newCounts makes a worker's counters for all slots that there may ever be, in memory that the kernel gives only
// as it is touched and that the garbage collector does not see.
func newCounts(n Slots) (*ruleset.Counts, func(), error) {
	bindings := (n.Bindings + 1) * int(unsafe.Sizeof(ruleset.BindingCount{}))
	reals := (n.Reals + 1) * int(unsafe.Sizeof(ruleset.RealCount{}))
	mem, err := unix.Mmap(-1, 0, bindings+reals, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, fmt.Errorf("memory for counters: %w", err)
	}
	return &ruleset.Counts{
		Bindings: unsafe.Slice((*ruleset.BindingCount)(unsafe.Pointer(&mem[0])), n.Bindings+1),
		Reals:    unsafe.Slice((*ruleset.RealCount)(unsafe.Pointer(&mem[bindings])), n.Reals+1),
	}, func() { _ = unix.Munmap(mem) }, nil
}
