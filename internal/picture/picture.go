// Package picture draws diagrams of boxes and arrows as SVG, PNG and HTML.
//
// In: boxes with texts, and which box points to which. Out: a file's bytes, the same for the same input. Boxes stand in
// columns, and arrows go from left to right where the arrows make no cycle. It must not know what the boxes mean, read
// files or call anything, and its output must need nothing else: no network, no fonts, no other files.
package picture

// Diagram is what is drawn.
type Diagram struct {
	Title  string
	Boxes  []Box
	Arrows []Arrow
}

// Box is one box: two lines of text, and what the HTML shows when it is clicked.
type Box struct {
	ID     string
	Title  string
	Note   string
	Dashed bool
	Facts  []Fact
}

// Fact is one line of what is known of a box.
type Fact struct{ Name, Value string }

// Arrow points from a box to another, by their IDs.
type Arrow struct{ From, To string }

// point is a place in the drawing, in pixels from the top left.
type point struct{ x, y float64 }

// placed is a box at its place.
type placed struct {
	Box
	at            point
	width, height float64
}

// drawing is a laid-out diagram. Each path goes through the points of one arrow.
type drawing struct {
	width, height float64
	title         string
	boxes         []placed
	paths         []path
}

type path struct {
	from, to string
	points   []point
}

// The measures of a drawing, in pixels.
const (
	margin     = 28.0
	headline   = 34.0
	boxHeight  = 48.0
	boxPadding = 16.0
	columnGap  = 84.0
	rowGap     = 22.0
	laneHeight = 12.0 // the room of an arrow that passes a column
	titleSize  = 14.0
	noteSize   = 12.0
	arrowSize  = 7.0
	round      = 7.0
)
