//go:build !amd64 && !arm64

package flowtable

import "unsafe"

func prefetch(unsafe.Pointer) {}
