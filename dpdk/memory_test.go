package dpdk_test

import (
	"strings"
	"testing"

	"linedirector/dpdk"
)

func TestAlloc(t *testing.T) {
	for _, size := range []int{1, 4096, 1 << 20} {
		mem, err := dpdk.Alloc("table", size, 64, dpdk.AnySocket)
		if err != nil {
			t.Fatal(err)
		}
		if len(mem) != size || cap(mem) != size {
			t.Errorf("%d of %d bytes, want %d", len(mem), cap(mem), size)
		}
		for i := range mem {
			if mem[i] != 0 {
				t.Fatalf("byte %d is not zero", i)
			}
			mem[i] = 0xff
		}
		dpdk.Free(mem)
	}
	dpdk.Free(nil)
	if _, err := dpdk.Alloc("table", 1<<40, 64, dpdk.AnySocket); err == nil ||
		!strings.Contains(err.Error(), "allocate 1048576 MiB for table: Cannot allocate memory") || !strings.Contains(err.Error(), "vm.nr_hugepages") {
		t.Errorf("%v", err)
	}
	if _, err := dpdk.Alloc("table", 0, 64, dpdk.AnySocket); err == nil {
		t.Error("no error for 0 bytes")
	}
}

func TestMempoolErrors(t *testing.T) {
	for _, tt := range []struct {
		name               string
		mbufs, cache, room int
		want               string
	}{
		{"none", 0, 0, 2048, "not positive"},
		{"no room", 100, 0, 0, "not positive"},
		{"too much room", 100, 0, 65500, "Invalid argument"},
		{"cache too large", 1000, 513, 2048, "make mempool p of 1000 mbufs: Invalid argument"},
		{"too many", 1 << 24, 0, 2048, "Cannot allocate memory"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := dpdk.NewMempool("p", tt.mbufs, tt.cache, tt.room, dpdk.AnySocket); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q in it", err, tt.want)
			}
		})
	}
}
