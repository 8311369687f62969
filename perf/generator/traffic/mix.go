package traffic

import (
	"fmt"
	"strconv"
	"strings"
)

// Lengths of frames, in bytes without FCS.
const (
	MinFrame = 60
	MaxFrame = 1514
)

// Share is a frame length and how many frames in a round have it.
type Share struct{ Bytes, Weight int }

// Mix is the lengths of frames.
type Mix []Share

// Named mixes.
var named = map[string]Mix{
	"simple":  {{60, 7}, {590, 4}, {1514, 1}},
	"classic": {{60, 7}, {566, 4}, {1514, 1}}, // 64, 570 and 1518 with FCS
}

// maxRound bounds the sum of weights.
const maxRound = 4096

// ParseMix reads simple, classic, or a list such as 60:7,590:4,1514:1.
func ParseMix(text string) (Mix, error) {
	if m, ok := named[text]; ok {
		return m, nil
	}
	var m Mix
	round := 0
	for part := range strings.SplitSeq(text, ",") {
		length, weight, found := strings.Cut(part, ":")
		b, errB := strconv.Atoi(length)
		w, errW := strconv.Atoi(weight)
		if !found || errB != nil || errW != nil || w < 1 {
			return nil, fmt.Errorf("%q is no BYTES:WEIGHT; write simple, classic, or a list like 60:7,590:4,1514:1", part)
		}
		m = append(m, Share{b, w})
		if round += w; w > maxRound || round > maxRound {
			return nil, fmt.Errorf("the weights' sum is above %d; divide them", maxRound)
		}
	}
	return m, nil
}

// check refuses lengths that no frame has.
func (m Mix) check() error {
	if len(m) == 0 {
		return fmt.Errorf("no frame length; give one from %d to %d", MinFrame, MaxFrame)
	}
	for _, s := range m {
		if s.Bytes < MinFrame || s.Bytes > MaxFrame {
			return fmt.Errorf("frames of %d bytes; use %d to %d (without the 4 of the FCS)", s.Bytes, MinFrame, MaxFrame)
		}
	}
	return nil
}

// Shortest is the least that a frame with a stamp has; shorter ones of a mix are made so long.
func Shortest(mode Mode) int {
	if mode == UDP {
		return udpData + stampLen
	}
	return tcpData + stampLen
}

// order is one round, as numbers of shares, each spread evenly over it.
func (m Mix) order() []uint16 {
	round := 0
	for _, s := range m {
		round += s.Weight
	}
	credit := make([]int, len(m))
	order := make([]uint16, round)
	for i := range order { // smooth weighted round robin
		best := 0
		for j, s := range m {
			if credit[j] += s.Weight; credit[j] > credit[best] {
				best = j
			}
		}
		credit[best] -= round
		order[i] = uint16(best)
	}
	return order
}
