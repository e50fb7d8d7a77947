package manifest

import (
	"strings"
	"unicode/utf8"

	"github.com/company/deployer/internal/diag"
)

// file is one file that was read.
type file struct {
	name   string       // relative to the repository, with slashes
	lines  []string     // without line ends
	secret map[int]bool // lines with a sensitive default: never shown
	hidden bool         // its lines are never shown: a variable file
}

// span is a place in a file; lines and columns count from 1.
type span struct {
	file         *file
	line, column int
	length       int // in characters
}

func (s span) position() *diag.Position {
	if s.file == nil {
		return nil
	}
	return &diag.Position{File: s.file.name, Line: s.line, Column: s.column, Length: s.length}
}

// maxExcerpt is how many characters of a line are shown.
const maxExcerpt = 400

// excerpt is the line of s and the line before it.
func (s span) excerpt() *diag.Excerpt {
	if s.file == nil || s.file.hidden || s.line < 1 || s.line > len(s.file.lines) || s.file.secret[s.line] ||
		s.column > maxExcerpt {
		return nil
	}
	first := s.line
	if first > 1 && !s.file.secret[first-1] {
		first--
	}
	out := &diag.Excerpt{FirstLine: first}
	for _, text := range s.file.lines[first-1 : s.line] {
		if len(text) > maxExcerpt {
			text = strings.ToValidUTF8(text[:maxExcerpt], "") + "…"
		}
		out.Lines = append(out.Lines, text)
	}
	return out
}

// at gives a diagnostic its place.
func at(d *diag.Diagnostic, s span) *diag.Diagnostic {
	d.Position, d.Excerpt = s.position(), s.excerpt()
	return d
}

// find narrows s to the place of text in the file, after skip earlier matches. It searches at most lines lines from s.
// It returns s itself when there is no match.
func (s span) find(text string, lines, skip int) span {
	if s.file == nil || text == "" || strings.Contains(text, "\n") {
		return s
	}
	for line := s.line; line < s.line+lines && line <= len(s.file.lines); line++ {
		content, skipped := s.file.lines[line-1], 0
		if line == s.line {
			skipped = byteOffset(content, s.column)
		}
		for i := strings.Index(content[skipped:], text); i >= 0; i = strings.Index(content[skipped:], text) {
			if skip == 0 {
				return span{
					file: s.file, line: line, column: utf8.RuneCountInString(content[:skipped+i]) + 1,
					length: utf8.RuneCountInString(text),
				}
			}
			skip, skipped = skip-1, skipped+i+len(text)
		}
	}
	return s
}

// reach is the most lines that a value at s can take: up to the next line that is not indented deeper.
func (s span) reach() int {
	if s.file == nil || s.line < 1 || s.line > len(s.file.lines) {
		return 0
	}
	lines := s.file.lines
	first := indent(lines[s.line-1])
	for line := s.line + 1; line <= len(lines); line++ {
		if text := lines[line-1]; strings.TrimSpace(text) != "" && indent(text) <= first {
			return line - s.line
		}
	}
	return len(lines) - s.line + 1
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// byteOffset is the byte of content at which the column starts.
func byteOffset(content string, column int) int {
	for i := range content {
		if column--; column <= 0 {
			return i
		}
	}
	return len(content)
}
