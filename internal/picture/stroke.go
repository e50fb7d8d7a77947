package picture

import (
	"image/color"
	"math"
)

// thick is the width of a line.
const thick = 1.4

// stroke draws lines from point to point; with a dash they have gaps of that length.
func (c canvas) stroke(points []point, ink color.Color, dash float64) {
	passed := 0.0
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		length := math.Hypot(to.x-from.x, to.y-from.y)
		if length == 0 {
			continue
		}
		if dash == 0 {
			c.segment(from, to, ink)
			continue
		}
		for at := 0.0; at < length; {
			within := math.Mod(passed+at, 2*dash)
			step := min(dash-math.Mod(within, dash), length-at)
			if within < dash {
				c.segment(between(from, to, at/length), between(from, to, (at+step)/length), ink)
			}
			at += max(step, 0.01)
		}
		passed += length
	}
}

// segment is one straight line, a little longer than its ends, so that neighbours leave no gap.
func (c canvas) segment(from, to point, ink color.Color) {
	length := math.Hypot(to.x-from.x, to.y-from.y)
	if length == 0 {
		return
	}
	x, y := (to.x-from.x)/length, (to.y-from.y)/length
	const over, half = 0.2, thick / 2
	c.fill([]point{
		{from.x - over*x - half*y, from.y - over*y + half*x},
		{to.x + over*x - half*y, to.y + over*y + half*x},
		{to.x + over*x + half*y, to.y + over*y - half*x},
		{from.x - over*x + half*y, from.y - over*y - half*x},
	}, ink)
}

func between(a, b point, part float64) point {
	return point{a.x + (b.x-a.x)*part, a.y + (b.y-a.y)*part}
}

// flat turns the curve through the points into short straight lines.
func flat(points []point) []point {
	out := []point{points[0]}
	for i := 1; i < len(points); i++ {
		from, to := points[i-1], points[i]
		h := bend(from, to)
		one, two := point{from.x + h, from.y}, point{to.x - h, to.y}
		const steps = 24
		for s := 1; s <= steps; s++ {
			t := float64(s) / steps
			a, b, c := between(from, one, t), between(one, two, t), between(two, to, t)
			out = append(out, between(between(a, b, t), between(b, c, t), t))
		}
	}
	return out
}

// rounded is the outline of a box.
func rounded(b placed) []point {
	var out []point
	corner := func(center point, from float64) {
		for s := 0; s <= 8; s++ {
			angle := (from + float64(s)/8) * math.Pi / 2
			out = append(out, point{center.x + round*math.Cos(angle), center.y + round*math.Sin(angle)})
		}
	}
	right, bottom := b.at.x+b.width, b.at.y+b.height
	corner(point{right - round, b.at.y + round}, 3)
	corner(point{right - round, bottom - round}, 0)
	corner(point{b.at.x + round, bottom - round}, 1)
	corner(point{b.at.x + round, b.at.y + round}, 2)
	return out
}
