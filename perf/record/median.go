package record

import "slices"

// Median is the middle one of values, of an even number of them the mean of the two in the middle. There must be one.
func Median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}
