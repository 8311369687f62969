//go:build amd64 || arm64

package flowtable

import "unsafe"

// prefetch starts the load of the cache line at p into the nearest cache and does not wait for it. It is one
// instruction in assembly, which may not share a package with cgo: that is why it lives here.
//
//go:noescape
func prefetch(p unsafe.Pointer)
