package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var shop = Diagram{
	Title: "shop/<dev>",
	Boxes: []Box{
		{ID: "web/api", Title: "web/api", Note: "MicroService", Facts: []Fact{{"role", "</script><b>"}}},
		{ID: "web/worker", Title: "web/worker", Note: "Worker"},
		{ID: "web/queue", Title: "web/queue", Note: "SQS & more"},
		{ID: "infra/network", Title: "infra/network", Note: "Network", Dashed: true},
	},
	Arrows: []Arrow{
		{"web/api", "web/queue"},
		{"web/worker", "web/queue"},
		{"web/queue", "infra/network"},
		{"web/api", "infra/network"},
		{"web/api", "gone"},
		{"web/api", "web/api"},
	},
}

func TestFontsAreThere(t *testing.T) {
	assert.NotNil(t, face(titleSize, true))
	assert.NotNil(t, face(noteSize, false))
	assert.Greater(t, textWidth("wide text", titleSize, false), textWidth("text", titleSize, false))
}

func TestSVGIsWellFormed(t *testing.T) {
	got := string(SVG(shop))
	d := xml.NewDecoder(strings.NewReader(got))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
	}
	for _, b := range shop.Boxes {
		assert.Contains(t, got, `data-id="`+b.ID+`"`)
	}
	assert.Equal(t, 4, strings.Count(got, `data-from=`), "no arrow to nowhere or to its own box")
	assert.Contains(t, got, "shop/&lt;dev&gt;")
	assert.Contains(t, got, "SQS &amp; more")
	assert.Equal(t, got, string(SVG(shop)), "the same input gives the same picture")
}

func TestHTMLHoldsFactsAsData(t *testing.T) {
	got := string(HTML(shop))
	assert.NotContains(t, got, "</script><b>")
	assert.Contains(t, got, `\u003c/script\u003e\u003cb\u003e`)
	assert.Equal(t, 1, strings.Count(got, "http:"), "only the name of SVG: the page needs no network")
}

func TestPNG(t *testing.T) {
	data, err := PNG(shop)
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	l := layout(shop)
	assert.Equal(t, int(l.width*scale), picture.Bounds().Dx())
	inside := l.boxes[0].at
	r, g, b, _ := picture.At(int((inside.x+4)*scale), int((inside.y+boxHeight/2)*scale)).RGBA()
	assert.Equal(t, [3]uint32{0xf6f6, 0xf8f8, 0xfafa}, [3]uint32{r, g, b}, "the box is filled")
	_, err = PNG(Diagram{})
	require.NoError(t, err, "nothing is a picture, too")
	var long Diagram
	for i := range 300 {
		long.Boxes = append(long.Boxes, Box{ID: fmt.Sprint(i), Title: strings.Repeat("w", 600)})
	}
	_, err = PNG(long)
	require.ErrorIs(t, err, ErrTooLarge)
}

// Whatever points to what: boxes do not touch, arrows go to the right unless they close a cycle, and everything is
// inside the picture.
func TestLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 25).Draw(t, "boxes")
		var d Diagram
		for i := range n {
			d.Boxes = append(
				d.Boxes,
				Box{ID: fmt.Sprint(i), Title: strings.Repeat("x", rapid.IntRange(0, 40).Draw(t, "title"))},
			)
		}
		forwards := true
		for range rapid.IntRange(0, 40).Draw(t, "arrows") {
			from, to := rapid.IntRange(0, 26).Draw(t, "from"), rapid.IntRange(0, 26).Draw(t, "to")
			forwards = forwards && from < to
			d.Arrows = append(d.Arrows, Arrow{fmt.Sprint(from), fmt.Sprint(to)})
		}
		l := layout(d)
		require.Len(t, l.boxes, n)
		for i, a := range l.boxes {
			assert.GreaterOrEqual(t, a.at.x, margin)
			assert.GreaterOrEqual(t, a.at.y, margin+headline-0.01)
			assert.LessOrEqual(t, a.at.x+a.width, l.width)
			assert.LessOrEqual(t, a.at.y+a.height, l.height)
			for _, b := range l.boxes[:i] {
				apart := a.at.x+a.width <= b.at.x || b.at.x+b.width <= a.at.x || a.at.y+a.height <= b.at.y ||
					b.at.y+b.height <= a.at.y
				assert.True(t, apart, "%s touches %s", a.ID, b.ID)
			}
		}
		for _, p := range l.paths {
			if forwards {
				assert.Less(t, p.points[0].x, p.points[len(p.points)-1].x)
			}
		}
	})
}
