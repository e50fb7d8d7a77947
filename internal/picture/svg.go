package picture

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// SVG draws a diagram for browsers and documents. Its colours follow the reader's light or dark scheme.
func SVG(d Diagram) []byte {
	var b strings.Builder
	writeSVG(&b, layout(d), "")
	return []byte(b.String())
}

const svgStyle = `
  svg { --paper: #fff; --ink: #1b1f24; --soft: #57606a; --line: #8c959f; --fill: #f6f8fa; --mark: #0969da; }
  @media (prefers-color-scheme: dark) {
    svg { --paper: #0d1117; --ink: #e6edf3; --soft: #9198a1; --line: #656c76; --fill: #161b22; --mark: #58a6ff; }
  }
  text { font-family: "Go", Helvetica, Arial, sans-serif; fill: var(--ink); }
  .paper { fill: var(--paper); }
  .box rect { fill: var(--fill); stroke: var(--mark); stroke-width: 1.4; }
  .box.dashed rect { stroke: var(--line); stroke-dasharray: 5 4; }
  .title { font-size: 14px; font-weight: bold; }
  .note { font-size: 12px; fill: var(--soft); }
  .arrow { fill: none; stroke: var(--line); stroke-width: 1.4; }
  .tip { fill: var(--line); }
`

func writeSVG(b *strings.Builder, d drawing, attributes string) {
	b.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" role="img"`)
	fmt.Fprintf(b, ` width="%s" height="%s" viewBox="0 0 %[1]s %[2]s"%s>`, number64(d.width), number64(d.height),
		attributes)
	fmt.Fprintf(b, "\n<title>%s</title>\n<style>%s</style>\n", html.EscapeString(d.title), svgStyle)
	b.WriteString(`<rect class="paper" width="100%" height="100%"/>` + "\n")
	fmt.Fprintf(b, `<text class="title" x="%s" y="%s">%s</text>`+"\n", number64(margin), number64(margin+titleSize),
		html.EscapeString(d.title))
	for _, p := range d.paths {
		fmt.Fprintf(b, `<g data-from="%s" data-to="%s"><path class="arrow" d="%s"/><path class="tip" d="%s"/></g>`+"\n",
			html.EscapeString(p.from), html.EscapeString(p.to), curve(p.points), tip(p.points))
	}
	for _, box := range d.boxes {
		class := "box"
		if box.Dashed {
			class = "box dashed"
		}
		fmt.Fprintf(b, `<g class="%s" data-id="%s"><rect x="%s" y="%s" width="%s" height="%s" rx="%s"/>`, class,
			html.EscapeString(box.ID), number64(box.at.x), number64(box.at.y), number64(box.width),
			number64(box.height), number64(round))
		fmt.Fprintf(
			b,
			`<text class="title" x="%s" y="%s">%s</text><text class="note" x="%[1]s" y="%[4]s">%[5]s</text></g>`+
				"\n",
			number64(box.at.x+boxPadding),
			number64(box.at.y+titleBase),
			html.EscapeString(box.Title),
			number64(box.at.y+noteBase),
			html.EscapeString(box.Note),
		)
	}
	b.WriteString("</svg>\n")
}

// The base lines of a box's texts, from its top.
const (
	titleBase = 20.0
	noteBase  = 37.0
)

// number64 is a number with at most one decimal.
func number64(x float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", math.Round(x*10)/10), ".0")
}

// bend is how far the handles of a curve are from its ends.
func bend(a, b point) float64 { return (b.x - a.x) / 2 }

// curve goes through the points: straight along columns, and in a soft bend between them. It ends where the tip begins.
func curve(points []point) string {
	points = shortened(points)
	var b strings.Builder
	fmt.Fprintf(&b, "M%s %s", number64(points[0].x), number64(points[0].y))
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		h := bend(from, to)
		fmt.Fprintf(&b, " C%s %s %s %s %s %s", number64(from.x+h), number64(from.y), number64(to.x-h), number64(to.y),
			number64(to.x), number64(to.y))
	}
	return b.String()
}

// shortened ends where the tip of the arrow begins.
func shortened(points []point) []point {
	out := append([]point(nil), points...)
	last := &out[len(out)-1]
	last.x -= direction(points) * arrowSize
	return out
}

// direction is 1 when the arrow arrives from the left, else -1.
func direction(points []point) float64 {
	if points[len(points)-2].x <= points[len(points)-1].x {
		return 1
	}
	return -1
}

// corners are the three corners of an arrow's tip.
func corners(points []point) [3]point {
	end, side := points[len(points)-1], direction(points)
	return [3]point{
		end, {end.x - side*arrowSize, end.y - arrowSize/2}, {end.x - side*arrowSize, end.y + arrowSize/2},
	}
}

func tip(points []point) string {
	c := corners(points)
	return fmt.Sprintf("M%s %s L%s %s L%s %sZ", number64(c[0].x), number64(c[0].y), number64(c[1].x), number64(c[1].y),
		number64(c[2].x), number64(c[2].y))
}
