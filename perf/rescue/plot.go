package main

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A picture's measures.
const (
	width       = 18 * vg.Centimeter
	panelHeight = 3.8 * vg.Centimeter
	headHeight  = 1.5 * vg.Centimeter
	axisHeight  = 0.7 * vg.Centimeter
	margin      = 2.5 * vg.Millimeter
	fastest     = 100 * time.Microsecond // the bottom of a panel; faster ones lie on it
)

var (
	answeredColor = color.RGBA{R: 0x1f, G: 0x5f, B: 0xa8, A: 0xff}
	lostColor     = color.RGBA{R: 0xd0, G: 0x21, B: 0x1c, A: 0xff}
	faultColor    = color.RGBA{R: 0xf3, G: 0xec, B: 0xdc, A: 0xff}
	gridColor     = color.Gray{Y: 0xdd}
)

// plotFile is the name of a scenario's picture.
func plotFile(sc scenario) string { return "rescue-" + sc.name + ".svg" }

// plotScenario draws a panel for each balancer, one below the other: when a connection began, and how long it took to
// the end of its answer, or until it was lost.
func plotScenario(s *settings, sc scenario, cases []measured) ([]byte, error) {
	panels := make([][]*plot.Plot, len(cases))
	for i, c := range cases {
		panels[i] = []*plot.Plot{panel(s, c)}
	}
	panels[len(panels)-1][0].X.Label.Text = "when the connection began (s)"
	height := vg.Length(len(cases))*panelHeight + headHeight + axisHeight
	svg := vgsvg.New(width, height)
	page := draw.New(svg)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	style := draw.TextStyle{Color: color.Black, Font: sans(11), Handler: plot.DefaultTextHandler, YAlign: draw.YTop}
	page.FillText(style, vg.Point{X: margin, Y: page.Max.Y - margin}, sc.says)
	style.Font = sans(8)
	page.FillText(style, vg.Point{X: margin, Y: page.Max.Y - margin - 16},
		"time to the answer of each connection (dots); time until it was lost (red crosses); shaded: the fault")
	tiles := draw.Tiles{
		Rows: len(cases), Cols: 1, PadY: 2 * vg.Millimeter,
		PadTop: headHeight, PadBottom: margin, PadLeft: margin, PadRight: 2 * margin,
	}
	for i, canvas := range plot.Align(panels, tiles, page) {
		panels[i][0].Draw(canvas[0])
	}
	var out bytes.Buffer
	_, err := svg.WriteTo(&out)
	return out.Bytes(), err
}

// panel draws one case.
func panel(s *settings, c measured) *plot.Plot {
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s: %d of %d lost, worst answer %v", c.Balancer, c.Summary.Lost, c.Summary.Connections, c.Summary.Answer.Worst)
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font = sans(8)
	}
	p.Title.TextStyle.Font.Size = 9
	p.Title.Padding = 1 * vg.Millimeter
	p.X.Padding, p.Y.Padding = 0, 0
	p.X.Tick.Marker = everySecond{}
	p.X.Min, p.X.Max = 0, s.Duration.Seconds()
	p.Y.Min, p.Y.Max = fastest.Seconds(), max(30*time.Second, 2*s.Deadline).Seconds()
	p.Y.Scale = plot.LogScale{}
	p.Y.Tick.Marker = plot.ConstantTicks{
		{Value: 1e-4, Label: "0.1 ms"},
		{Value: 1e-3, Label: "1 ms"},
		{Value: 1e-2, Label: "10 ms"},
		{Value: 0.1, Label: "0.1 s"},
		{Value: 1, Label: "1 s"},
		{Value: 10, Label: "10 s"},
	}
	p.Add(
		shade{c.Summary.On.Seconds(), c.Summary.Off.Seconds()}, grid{},
		newDots(s, c.samples, func(o outcome) bool { return o == ok }, square, squarePen, answeredColor),
		newDots(s, c.samples, func(o outcome) bool { return o != ok }, cross, crossPen, lostColor))
	return p
}

// sans is the pictures' font, in points.
func sans(size vg.Length) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
}

// everySecond marks each second, and writes each fifth.
type everySecond struct{}

// Ticks implements plot.Ticker.
func (everySecond) Ticks(_, last float64) (ticks []plot.Tick) {
	for second := range int(last) + 1 {
		tick := plot.Tick{Value: float64(second)}
		if second%5 == 0 {
			tick.Label = fmt.Sprint(second)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// shade marks the time of the fault.
type shade struct{ from, to float64 }

// Plot implements plot.Plotter.
func (s shade) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	from, to := x(s.from), x(s.to)
	c.FillPolygon(faultColor, []vg.Point{{X: from, Y: c.Min.Y}, {X: to, Y: c.Min.Y}, {X: to, Y: c.Max.Y}, {X: from, Y: c.Max.Y}})
}

// grid draws a line at each of the y axis' marks.
type grid struct{}

// Plot implements plot.Plotter.
func (grid) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, tick := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		c.StrokeLine2(draw.LineStyle{Color: gridColor, Width: 0.3}, c.Min.X, y(tick.Value), c.Max.X, y(tick.Value))
	}
}

// dots are connections of one kind. All are one path, so that the file stays small.
type dots struct {
	at    []struct{ x, y float64 }
	shape func(*vg.Path, vg.Point)
	pen   vg.Length
	color color.Color
}

// squarePen and crossPen are the widths of lines that the two shapes are drawn with.
const squarePen, crossPen = 1.3, 0.7

// cellsX and cellsY are how finely a panel can be read: of connections in the same cell, one is drawn.
const cellsX, cellsY = 220, 40

// newDots takes those samples whose outcome is wanted.
func newDots(s *settings, samples []sample, wanted func(outcome) bool, shape func(*vg.Path, vg.Point), pen vg.Length, c color.Color) *dots {
	d := &dots{shape: shape, pen: pen, color: c}
	bottom, top := math.Log(fastest.Seconds()), math.Log(s.Deadline.Seconds())
	taken := map[[2]int]bool{}
	for _, sample := range samples {
		if !wanted(sample.Outcome) {
			continue
		}
		x, y := sample.Start.Seconds(), max(sample.Total, fastest).Seconds()
		cell := [2]int{int(x / s.Duration.Seconds() * cellsX), int((math.Log(y) - bottom) / (top - bottom) * cellsY)}
		if !taken[cell] {
			taken[cell] = true
			d.at = append(d.at, struct{ x, y float64 }{x, y})
		}
	}
	return d
}

// Plot implements plot.Plotter.
func (d *dots) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	for _, at := range d.at {
		d.shape(&path, vg.Point{X: x(at.x), Y: y(at.y)})
	}
	if len(path) > 0 {
		c.SetColor(d.color)
		c.SetLineWidth(d.pen)
		c.Stroke(path)
	}
}

// square adds a small square to the path: a bar as long as the pen is wide.
func square(path *vg.Path, at vg.Point) {
	bar(path, at, squarePen/2, 0)
}

// cross adds a small x to the path.
func cross(path *vg.Path, at vg.Point) {
	bar(path, at, 1.7, 1.7)
	bar(path, at, 1.7, -1.7)
}

// bar adds a line to the path, from one side of at to the other.
func bar(path *vg.Path, at vg.Point, x, y vg.Length) {
	path.Move(vg.Point{X: at.X - x, Y: at.Y - y})
	path.Line(vg.Point{X: at.X + x, Y: at.Y + y})
}
