package diag

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentence makes one out of an error's words.
func Sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}
