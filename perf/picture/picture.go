// Package picture draws the documents' plots, in one style: panels below each other on a page with a heading, as SVG.
// What it draws with is gonum.org/v1/plot; nothing here is safe for concurrent use.
package picture

import (
	"bytes"
	"image/color"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A page's measures.
const (
	width      = 18 * vg.Centimeter
	headHeight = 1.5 * vg.Centimeter
	axisHeight = 0.7 * vg.Centimeter
	margin     = 2.5 * vg.Millimeter
)

// Colors of what is drawn.
var (
	Blue  = color.RGBA{R: 0x1f, G: 0x5f, B: 0xa8, A: 0xff}
	Red   = color.RGBA{R: 0xd0, G: 0x21, B: 0x1c, A: 0xff}
	sand  = color.RGBA{R: 0xf3, G: 0xec, B: 0xdc, A: 0xff}
	light = color.Gray{Y: 0xdd}
)

// Page draws panels below each other, each so high, under a heading and a line that explains them. The last one alone
// should have a label on its x axis.
func Page(heading, explained string, panelHeight vg.Length, panels ...*plot.Plot) ([]byte, error) {
	rows := make([][]*plot.Plot, len(panels))
	for i, p := range panels {
		rows[i] = []*plot.Plot{p}
	}
	svg := vgsvg.New(width, vg.Length(len(panels))*panelHeight+headHeight+axisHeight)
	page := draw.New(svg)
	page.SetColor(color.White)
	page.Fill(page.Rectangle.Path())
	style := draw.TextStyle{Color: color.Black, Font: sans(11), Handler: plot.DefaultTextHandler, YAlign: draw.YTop}
	page.FillText(style, vg.Point{X: margin, Y: page.Max.Y - margin}, heading)
	style.Font = sans(8)
	page.FillText(style, vg.Point{X: margin, Y: page.Max.Y - margin - 16}, explained)
	tiles := draw.Tiles{
		Rows: len(panels), Cols: 1, PadY: 2 * vg.Millimeter,
		PadTop: headHeight, PadBottom: margin, PadLeft: margin, PadRight: 2 * margin,
	}
	for i, canvas := range plot.Align(rows, tiles, page) {
		panels[i].Draw(canvas[0])
	}
	var out bytes.Buffer
	_, err := svg.WriteTo(&out)
	return out.Bytes(), err
}

// Panel is an empty panel with a title.
func Panel(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	for _, style := range []*draw.TextStyle{&p.Title.TextStyle, &p.X.Label.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Font = sans(8)
	}
	p.Title.TextStyle.Font.Size = 9
	p.Title.Padding = 1 * vg.Millimeter
	p.X.Padding, p.Y.Padding = 0, 0
	return p
}

func sans(size vg.Length) font.Font {
	return font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, size)
}
