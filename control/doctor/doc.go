// Package doctor looks at the machine under a director and says in plain words what to change there, and why. It reads
// /sys and /proc below a root that it is given, so that a test hands it a machine of its own; what only DPDK or an
// ioctl can tell comes from its caller. It changes nothing.
//
//	doctor.go     a machine, and the order in which it is looked at
//	memory.go     hugepages, locked memory, mappings
//	cores.go      which CPUs workers and control have; which they had better have
//	quiet.go      what else runs on the workers' CPUs: tasks, ticks, interrupts, a hypervisor's other guests
//	clock.go      time stamp counter, frequency, idle states
//	rights.go     what the process may: capabilities, CPU quota
//	port.go       of each port what is the same for all
//	pci.go        ports on NICs: driver, IOMMU, slot
//	interface.go  ports on interfaces that the kernel keeps
//	neighbours.go the kernel's neighbour table
//	root.go       reading /sys and /proc
//	print.go      findings as a table, as JSON
package doctor
