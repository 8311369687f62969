// Package memory lays values out in memory that the garbage collector does not see: hugepages, or what two processes have
// at the same address. What lies there may point to other places of such memory, never to Go's heap.
package memory
