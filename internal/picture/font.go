package picture

import (
	"sync"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

type style struct {
	size float64
	bold bool
}

var faces = struct {
	sync.Mutex
	known map[style]font.Face
}{known: map[style]font.Face{}}

// face is a font of the binary itself; nil if it cannot be read, which a test excludes.
func face(size float64, bold bool) font.Face {
	faces.Lock()
	defer faces.Unlock()
	s := style{size, bold}
	if f, ok := faces.known[s]; ok {
		return f
	}
	data := goregular.TTF
	if bold {
		data = gobold.TTF
	}
	var f font.Face
	if parsed, err := opentype.Parse(data); err == nil {
		f, _ = opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	}
	faces.known[s] = f
	return f
}

// textWidth is how many pixels a text takes.
func textWidth(text string, size float64, bold bool) float64 {
	f := face(size, bold)
	if f == nil {
		return float64(utf8.RuneCountInString(text)) * size * 0.6
	}
	return float64(font.MeasureString(f, text)) / 64
}
