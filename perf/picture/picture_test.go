package picture

import (
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

// TestPage draws one of each, and looks for them in the SVG.
func TestPage(t *testing.T) {
	p := Panel("a panel's title")
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, 10, 0, 1
	p.X.Tick.Marker = EverySecond{}
	at := []Point{{1, 0.1}, {5, 0.5}}
	p.Add(Shade{2, 4}, Grid{}, Line{at, Red}, Marks{at, Square, Blue}, Marks{at, Cross, Red}, Marks{at, Block, Blue}, Marks{nil, Cross, Blue}, Label{at[1], "a line's name", Blue})
	svg, err := Page("the heading", "explained", 4*vg.Centimeter, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", "a panel's title", "a line's name", "the heading", "explained", "#1F5FA8", "#D0211C", "#F3ECDC", "#DDDDDD"} {
		if !strings.Contains(strings.ReplaceAll(string(svg), "&#39;", "'"), want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
}
