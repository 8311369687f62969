package conf

// maxGuesses bounds the distances computed for one configuration: thousands of
// wrong names against thousands of right ones would take minutes.
const maxGuesses = 1 << 16

// guesser finds what the operator may have meant.
type guesser struct{ spent int }

// Nearest returns the name that differs least from text, if one is so near that it is likely what was meant.
func Nearest(text string, names []string) (string, bool) { return new(guesser).nearest(text, names) }

// nearest returns the candidate that differs least from text, if one is so
// near that it is likely what was meant: a third of the letters, at least one.
func (g *guesser) nearest(text string, candidates []string) (string, bool) {
	limit := max(1, len(text)/3)
	best, found := limit+1, ""
	for _, c := range candidates {
		if c == "" || c == text || len(c) > 64 || len(text) > 64 ||
			len(c)-len(text) >= best || len(text)-len(c) >= best {
			continue
		}
		if g.spent++; g.spent > maxGuesses {
			break
		}
		if d := distance(text, c); d < best && d < max(len(text), len(c)) {
			best, found = d, c
		}
	}
	return found, found != ""
}

// distance counts the letters to insert, remove, change, or swap with their
// neighbour, to make b of a. Neither is longer than 64 bytes.
func distance(a, b string) int {
	var rows [3][65]int
	before, last, row := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
