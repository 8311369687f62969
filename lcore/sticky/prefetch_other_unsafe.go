//go:build !amd64 && !arm64

package sticky

import "unsafe"

func prefetch(unsafe.Pointer) {}
