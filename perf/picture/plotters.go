package picture

import (
	"fmt"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// EverySecond marks each second of an axis, and writes each fifth.
type EverySecond struct{}

// Ticks implements plot.Ticker.
func (EverySecond) Ticks(_, last float64) (ticks []plot.Tick) {
	for second := range int(last) + 1 {
		tick := plot.Tick{Value: float64(second)}
		if second%5 == 0 {
			tick.Label = fmt.Sprint(second)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// Shade marks a span of the x axis.
type Shade struct{ From, To float64 }

// Plot implements plot.Plotter.
func (s Shade) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	from, to := x(s.From), x(s.To)
	c.FillPolygon(sand, []vg.Point{{X: from, Y: c.Min.Y}, {X: to, Y: c.Min.Y}, {X: to, Y: c.Max.Y}, {X: from, Y: c.Max.Y}})
}

// Grid draws a line at each of the y axis' marks.
type Grid struct{}

// Plot implements plot.Plotter.
func (Grid) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for _, tick := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		c.StrokeLine2(draw.LineStyle{Color: light, Width: 0.3}, c.Min.X, y(tick.Value), c.Max.X, y(tick.Value))
	}
}

// Point is a place in a panel, in its axes' units.
type Point struct{ X, Y float64 }

// Line joins points.
type Line struct {
	At    []Point
	Color color.Color
}

// Plot implements plot.Plotter.
func (l Line) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	points := make([]vg.Point, len(l.At))
	for i, at := range l.At {
		points[i] = vg.Point{X: x(at.X), Y: y(at.Y)}
	}
	c.StrokeLines(draw.LineStyle{Color: l.Color, Width: 0.7}, points)
}

// Marks are points of one kind. All are one path, so that the file stays small.
type Marks struct {
	At    []Point
	Shape Shape
	Color color.Color
}

// Shape is how a mark looks.
type Shape struct {
	add func(*vg.Path, vg.Point)
	pen vg.Length
}

// The widths of lines that the shapes are drawn with.
const squarePen, crossPen, blockPen = 1.3, 0.7, 3

// Square is a small square, a bar as long as the pen is wide; Cross is a small x; Block is a larger square.
var (
	Square = Shape{func(path *vg.Path, at vg.Point) { bar(path, at, squarePen/2, 0) }, squarePen}
	Cross  = Shape{func(path *vg.Path, at vg.Point) { bar(path, at, 1.7, 1.7); bar(path, at, 1.7, -1.7) }, crossPen}
	Block  = Shape{func(path *vg.Path, at vg.Point) { bar(path, at, blockPen/2, 0) }, blockPen}
)

// bar adds a line to the path, from one side of at to the other.
func bar(path *vg.Path, at vg.Point, x, y vg.Length) {
	path.Move(vg.Point{X: at.X - x, Y: at.Y - y})
	path.Line(vg.Point{X: at.X + x, Y: at.Y + y})
}

// Plot implements plot.Plotter.
func (m Marks) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	var path vg.Path
	for _, at := range m.At {
		m.Shape.add(&path, vg.Point{X: x(at.X), Y: y(at.Y)})
	}
	if len(path) > 0 {
		c.SetColor(m.Color)
		c.SetLineWidth(m.Shape.pen)
		c.Stroke(path)
	}
}

// Label is a line's name, to the right of its last point.
type Label struct {
	At    Point
	Text  string
	Color color.Color
}

// Plot implements plot.Plotter.
func (l Label) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	style := draw.TextStyle{Color: l.Color, Font: sans(8), Handler: plot.DefaultTextHandler, YAlign: draw.YCenter}
	c.FillText(style, vg.Point{X: x(l.At.X) + 2*vg.Millimeter, Y: y(l.At.Y)}, l.Text)
}
