//go:build amd64 || arm64

package sticky

import "unsafe"

// prefetch starts the load of the cache line at p into the nearest cache and does not wait for it.
//
//go:noescape
func prefetch(p unsafe.Pointer)
