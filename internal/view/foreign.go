package view

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"

	"golang.org/x/text/width"
)

// harmless reports characters that a terminal shows and does not execute. These exclude all control characters (also
// the eight-bit ones) and the marks that reorder or hide text, except the two that join letters.
func harmless(r rune) bool {
	switch {
	case r < ' ' || r >= 0x7f && r < 0xa0, r == '\u2028' || r == '\u2029', r&0xfffe == 0xfffe, r >= 0xfdd0 &&
		r <= 0xfdef:
		return false
	case r < 0xa0 || r == '\u200c' || r == '\u200d':
		return true
	}
	return !unicode.Is(unicode.Cf, r)
}

// clean is the replacement for r on a terminal. Line ends and tabs stay; oneLine removes them.
func clean(r rune) string {
	if harmless(r) || r == '\n' || r == '\t' {
		return string(r)
	}
	return codePoint(r)
}

// codePoint shows a character as JSON would escape it.
func codePoint(r rune) string {
	if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
		return fmt.Sprintf("\\u%04x\\u%04x", high, low)
	}
	return fmt.Sprintf("\\u%04x", r)
}

// oneLine prevents text from beginning a new line.
func oneLine(text string) string {
	if !strings.Contains(text, "\n") {
		return text
	}
	return strings.ReplaceAll(text, "\n", `\n`)
}

// cells is how many columns r takes on a terminal.
func cells(r rune) int {
	switch {
	case r < 0x7f && r >= ' ' || r == '\t' || r == '\n':
		return 1
	case !harmless(r):
		return len(codePoint(r))
	case unicode.In(r, unicode.Mn, unicode.Me) || r == '\u200c' || r == '\u200d':
		return 0
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// columns is the width of text on a terminal, without style marks.
func columns(text string) int {
	n := 0
	for style, r := range pieces(text) {
		if style == "" {
			n += cells(r)
		}
	}
	return n
}
