package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"image/png"

	"golang.org/x/image/font"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// scale is how many pixels of a PNG are one of the drawing: sharp on dense screens.
const scale = 2

// maxPixels is the most that a PNG has. More would take more memory than a machine of CI has.
const maxPixels = 100_000_000

// ErrTooLarge is the error for a diagram that is too large for pixels.
var ErrTooLarge = errors.New("the picture would have more than 100 million pixels")

var (
	paper = color.RGBA{0xff, 0xff, 0xff, 0xff}
	ink   = color.RGBA{0x1b, 0x1f, 0x24, 0xff}
	soft  = color.RGBA{0x57, 0x60, 0x6a, 0xff}
	lines = color.RGBA{0x8c, 0x95, 0x9f, 0xff}
	fill  = color.RGBA{0xf6, 0xf8, 0xfa, 0xff}
	frame = color.RGBA{0x09, 0x69, 0xda, 0xff}
)

// PNG draws a diagram in pixels, on white.
func PNG(d Diagram) ([]byte, error) {
	l := layout(d)
	width, height := int(l.width*scale), int(l.height*scale)
	if width <= 0 || height <= 0 || width > maxPixels/height {
		return nil, ErrTooLarge
	}
	c := canvas{image.NewRGBA(image.Rect(0, 0, width, height))}
	draw.Draw(c.image, c.image.Bounds(), image.NewUniform(paper), image.Point{}, draw.Src)
	c.text(l.title, point{margin, margin + titleSize}, titleSize, true, ink)
	for _, p := range l.paths {
		c.stroke(flat(shortened(p.points)), lines, 0)
		t := corners(p.points)
		c.fill(t[:], lines)
	}
	for _, b := range l.boxes {
		outline := rounded(b)
		c.fill(outline, fill)
		if b.Dashed {
			c.stroke(append(outline, outline[0]), lines, 5)
		} else {
			c.stroke(append(outline, outline[0]), frame, 0)
		}
		c.text(b.Title, point{b.at.x + boxPadding, b.at.y + titleBase}, titleSize, true, ink)
		c.text(b.Note, point{b.at.x + boxPadding, b.at.y + noteBase}, noteSize, false, soft)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, c.image); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

type canvas struct{ image *image.RGBA }

func (c canvas) text(text string, at point, size float64, bold bool, ink color.Color) {
	f := face(size*scale, bold)
	if f == nil {
		return
	}
	d := font.Drawer{
		Dst: c.image, Src: image.NewUniform(ink), Face: f,
		Dot: fixed.P(int(at.x*scale), int(at.y*scale)),
	}
	d.DrawString(text)
}

func (c canvas) fill(points []point, ink color.Color) {
	bounds := around(points).Intersect(c.image.Bounds())
	if bounds.Empty() {
		return
	}
	r := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	for i, p := range points {
		x, y := float32(p.x*scale)-float32(bounds.Min.X), float32(p.y*scale)-float32(bounds.Min.Y)
		if i == 0 {
			r.MoveTo(x, y)
		} else {
			r.LineTo(x, y)
		}
	}
	r.ClosePath()
	r.Draw(c.image, bounds, image.NewUniform(ink), image.Point{})
}

// around is a rectangle of pixels that holds all points.
func around(points []point) image.Rectangle {
	var out image.Rectangle
	for _, p := range points {
		x, y := int(p.x*scale), int(p.y*scale)
		out = out.Union(image.Rect(x-2, y-2, x+3, y+3))
	}
	return out
}
