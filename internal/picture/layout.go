package picture

import (
	"slices"
	"sort"
)

// node is a box, or the place in which an arrow passes a column.
type node struct {
	box           int // index, -1 for an arrow that passes
	column        int
	order         float64
	width, height float64
	y             float64 // of its middle
	before, after []*node
}

// layout finds places as Sugiyama's method does: columns by the longest way, places for arrows that pass columns, an
// order with few crossings, then rows near their neighbours.
func layout(d Diagram) drawing {
	nodes, index := make([]*node, len(d.Boxes)), map[string]int{}
	for i, b := range d.Boxes {
		index[b.ID] = i
		width := max(textWidth(b.Title, titleSize, true), textWidth(b.Note, noteSize, false)) + 2*boxPadding
		nodes[i] = &node{box: i, width: width, height: boxHeight}
	}
	arrows := forward(d, index)
	columns(nodes, arrows)
	columnsOf, chains := chain(nodes, arrows)
	arrange(columnsOf)
	height := rows(columnsOf)
	return place(d, columnsOf, chains, height)
}

// link is an arrow between boxes, by index. back is one that was turned round because it closes a cycle.
type link struct {
	from, to int
	back     bool
}

// forward are the arrows without those to nowhere, to themselves, and with those turned round that close a cycle.
func forward(d Diagram, index map[string]int) []link {
	next := make([][]int, len(d.Boxes))
	for _, a := range d.Arrows {
		from, okFrom := index[a.From]
		to, okTo := index[a.To]
		if okFrom && okTo && from != to {
			next[from] = append(next[from], to)
		}
	}
	const unseen, open, closed = 0, 1, 2
	seen := make([]int, len(d.Boxes))
	var out []link
	var visit func(int)
	visit = func(from int) {
		seen[from] = open
		for _, to := range next[from] {
			if seen[to] == open {
				out = append(out, link{to, from, true})
				continue
			}
			out = append(out, link{from, to, false})
			if seen[to] == unseen {
				visit(to)
			}
		}
		seen[from] = closed
	}
	for i := range d.Boxes {
		if seen[i] == unseen {
			visit(i)
		}
	}
	return out
}

// columns gives each box the column after all boxes that point to it.
func columns(nodes []*node, arrows []link) {
	for range nodes {
		moved := false
		for _, a := range arrows {
			if least := nodes[a.from].column + 1; nodes[a.to].column < least {
				nodes[a.to].column, moved = least, true
			}
		}
		if !moved {
			return
		}
	}
}

// chain adds places for arrows that pass columns. It returns the nodes by column and the nodes of each arrow.
func chain(nodes []*node, arrows []link) (byColumn [][]*node, chains []chained) {
	last := 0
	for _, n := range nodes {
		last = max(last, n.column)
	}
	byColumn = make([][]*node, last+1)
	for _, n := range nodes {
		byColumn[n.column] = append(byColumn[n.column], n)
	}
	for _, a := range arrows {
		c := chained{link: a, nodes: []*node{nodes[a.from]}}
		for column := nodes[a.from].column + 1; column < nodes[a.to].column; column++ {
			pass := &node{box: -1, column: column, height: laneHeight}
			byColumn[column] = append(byColumn[column], pass)
			c.nodes = append(c.nodes, pass)
		}
		c.nodes = append(c.nodes, nodes[a.to])
		for i := 1; i < len(c.nodes); i++ {
			c.nodes[i-1].after = append(c.nodes[i-1].after, c.nodes[i])
			c.nodes[i].before = append(c.nodes[i].before, c.nodes[i-1])
		}
		chains = append(chains, c)
	}
	return byColumn, chains
}

type chained struct {
	link
	nodes []*node
}

// arrange orders each column so that few arrows cross: nodes go to the middle of their neighbours, to and fro, and the
// best order counts.
func arrange(byColumn [][]*node) {
	number(byColumn)
	best, least := orders(byColumn), crossings(byColumn)
	for round := range 12 {
		for i := range byColumn {
			column := byColumn[i]
			if round%2 == 1 {
				column = byColumn[len(byColumn)-1-i]
			}
			middle := map[*node]float64{}
			for _, n := range column {
				neighbours := n.before
				if round%2 == 1 {
					neighbours = n.after
				}
				middle[n] = n.order
				if len(neighbours) > 0 {
					sum := 0.0
					for _, m := range neighbours {
						sum += m.order
					}
					middle[n] = sum / float64(len(neighbours))
				}
			}
			sort.SliceStable(column, func(a, b int) bool { return middle[column[a]] < middle[column[b]] })
			for at, n := range column {
				n.order = float64(at)
			}
		}
		if now := crossings(byColumn); now < least {
			best, least = orders(byColumn), now
		}
	}
	for i, column := range best {
		copy(byColumn[i], column)
	}
	number(byColumn)
}

func number(byColumn [][]*node) {
	for _, column := range byColumn {
		for at, n := range column {
			n.order = float64(at)
		}
	}
}

func orders(byColumn [][]*node) [][]*node {
	out := make([][]*node, len(byColumn))
	for i, column := range byColumn {
		out[i] = slices.Clone(column)
	}
	return out
}

// crossings counts the pairs of arrows that cross between neighbouring columns.
func crossings(byColumn [][]*node) int {
	n := 0
	for _, column := range byColumn {
		var ends []float64 // of the arrows, in the order of their beginnings
		for _, from := range column {
			to := make([]float64, 0, len(from.after))
			for _, t := range from.after {
				to = append(to, t.order)
			}
			slices.Sort(to)
			for _, end := range to {
				for _, above := range ends {
					if above > end {
						n++
					}
				}
			}
			ends = append(ends, to...)
		}
	}
	return n
}

// rows gives each node a row: near the middle of its neighbours, without touching the others of its column. It returns
// the height that all take.
func rows(byColumn [][]*node) (height float64) {
	for _, column := range byColumn {
		y := 0.0
		for _, n := range column {
			n.y = y + n.height/2
			y += n.height + rowGap
		}
	}
	for round := range 24 {
		for i := range byColumn {
			column := byColumn[i]
			if round%2 == 1 {
				column = byColumn[len(byColumn)-1-i]
			}
			for _, n := range column {
				sum, count := 0.0, 0.0
				for _, m := range slices.Concat(n.before, n.after) {
					sum, count = sum+m.y, count+1
				}
				if count > 0 {
					n.y = sum / count
				}
			}
			apart(column)
		}
	}
	top := 0.0
	for _, column := range byColumn {
		for _, n := range column {
			top = min(top, n.y-n.height/2)
		}
	}
	for _, column := range byColumn {
		for _, n := range column {
			n.y -= top
			height = max(height, n.y+n.height/2)
		}
	}
	return height
}

// apart moves the nodes of a column so that none touches another. What overlaps moves as one block around the middle
// of where its nodes wanted to be.
func apart(column []*node) {
	type block struct {
		nodes  []*node
		wanted float64 // sum over the nodes: where the block's top should be
		top    float64
		height float64
	}
	var blocks []block
	for _, n := range column {
		b := block{nodes: []*node{n}, wanted: n.y - n.height/2, top: n.y - n.height/2, height: n.height}
		for len(blocks) > 0 {
			above := blocks[len(blocks)-1]
			if above.top+above.height+rowGap <= b.top {
				break
			}
			shift := above.height + rowGap
			b = block{
				nodes:  slices.Concat(above.nodes, b.nodes),
				wanted: above.wanted + b.wanted - shift*float64(len(b.nodes)),
				height: above.height + rowGap + b.height,
			}
			b.top = b.wanted / float64(len(b.nodes))
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	for _, b := range blocks {
		y := b.top
		for _, n := range b.nodes {
			n.y = y + n.height/2
			y += n.height + rowGap
		}
	}
}

// place turns columns and rows into pixels.
func place(d Diagram, byColumn [][]*node, chains []chained, height float64) drawing {
	out := drawing{title: d.Title, height: height + 2*margin + headline}
	left, right := map[*node]float64{}, map[*node]float64{}
	x := margin
	for _, column := range byColumn {
		width := 0.0
		for _, n := range column {
			width = max(width, n.width)
		}
		for _, n := range column {
			left[n], right[n] = x, x+width
			if n.box >= 0 {
				right[n] = x + n.width
				out.boxes = append(out.boxes, placed{
					Box: d.Boxes[n.box], at: point{x, margin + headline + n.y - n.height/2}, width: n.width,
					height: n.height,
				})
			}
		}
		x += width + columnGap
	}
	out.width = max(x-columnGap+margin, textWidth(d.Title, titleSize, true)+2*margin)
	for _, c := range chains {
		p := path{from: d.Boxes[c.from].ID, to: d.Boxes[c.to].ID}
		for i, n := range c.nodes {
			y := margin + headline + n.y
			if i > 0 {
				p.points = append(p.points, point{left[n], y})
			}
			if i < len(c.nodes)-1 {
				p.points = append(p.points, point{right[n], y})
			}
		}
		if c.back {
			slices.Reverse(p.points)
			p.from, p.to = p.to, p.from
		}
		out.paths = append(out.paths, p)
	}
	return out
}
