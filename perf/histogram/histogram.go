// Package histogram counts durations, or any numbers, in buckets that grow with the value: log-linear, as in HdrHistogram.
// Numbers below 128 have a bucket each; above, each power of two is cut into 128, so that a bucket is narrower
// than 0.8 % of what lies in it. All numbers of 64 bits fit, and 60 KB hold them.
package histogram

import "math/bits"

// precision is how many bits of a number beyond its first make its bucket.
const precision = 7

const (
	step    = 1 << precision
	buckets = (64 - precision + 1) * step
)

// Histogram is ready to use as its zero value. Its methods neither allocate nor block; one goroutine at a time.
type Histogram struct {
	count, sum, max uint64
	buckets         [buckets]uint64
}

// bucket is where a number is counted.
func bucket(v uint64) int {
	shift := max(bits.Len64(v)-precision-1, 0)
	return shift<<precision + int(v>>uint(shift))
}

// highest is the largest number that is counted in a bucket.
func highest(bucket int) uint64 {
	if bucket < 2*step {
		return uint64(bucket)
	}
	shift := uint(bucket>>precision - 1)
	return uint64(bucket&(step-1)|step)<<shift + (1<<shift - 1)
}

// Record counts a number.
func (h *Histogram) Record(v uint64) {
	h.count++
	h.sum += v
	h.max = max(h.max, v)
	h.buckets[bucket(v)]++
}

// Count is how many numbers there were.
func (h *Histogram) Count() uint64 { return h.count }

// Max is the largest of them, 0 if there were none.
func (h *Histogram) Max() uint64 { return h.max }

// Sum is their sum, as long as it fits.
func (h *Histogram) Sum() uint64 { return h.sum }

// Mean is their mean, 0 if there were none.
func (h *Histogram) Mean() float64 {
	if h.count == 0 {
		return 0
	}
	return float64(h.sum) / float64(h.count)
}

// Quantile is a number that a share of q of all of them do not exceed, 0 < q ≤ 1: at most 0.8 % above the smallest such
// one, never above Max. It is 0 if there were none.
func (h *Histogram) Quantile(q float64) uint64 {
	exact := q * float64(h.count)
	rank := uint64(exact)
	if float64(rank) < exact {
		rank++
	}
	rank = min(max(rank, 1), h.count)
	seen := uint64(0)
	for i, n := range h.buckets {
		if seen += n; n > 0 && seen >= rank {
			return min(highest(i), h.max)
		}
	}
	return 0
}

// Add counts all that other has counted.
func (h *Histogram) Add(other *Histogram) {
	h.count += other.count
	h.sum += other.sum
	h.max = max(h.max, other.max)
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
}

// Reset forgets everything.
func (h *Histogram) Reset() { *h = Histogram{} }
