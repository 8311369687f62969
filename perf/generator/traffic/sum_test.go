package traffic

import (
	"math/rand/v2"
	"testing"
)

// TestSum compares with one by the book, word by word.
func TestSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 300 {
		for _, fill := range []func() byte{func() byte { return 0 }, func() byte { return 0xff }, func() byte { return byte(r.Uint32()) }} {
			b := make([]byte, n)
			for i := range b {
				b[i] = fill()
			}
			want := 0
			for i := 0; i < n; i += 2 {
				want += int(b[i]) << 8
				if i+1 < n {
					want += int(b[i+1])
				}
			}
			for want > 0xffff {
				want = want>>16 + want&0xffff
			}
			if got := sum(b); got != uint64(want) {
				t.Fatalf("% x: %#x, want %#x", b, got, want)
			}
		}
	}
}
