package manifest

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// formatter lays out the lines of one document.
type formatter struct {
	lines  []string
	tokens [][]word // by line: those that begin there
	bodies []*body  // by line: the one that goes on there
	levels []level  // that are open
	held   []int    // comments and empty lines that wait for the next line with content
	out    []line
}

func formatDocument(lines []string) []string {
	f := &formatter{lines: lines, tokens: make([][]word, len(lines)), bodies: make([]*body, len(lines))}
	words, ok := places(strings.Join(lines, "\n") + "\n")
	if !ok {
		return lines
	}
	f.scan(words)
	var current *body
	shift := 0
	for i := range lines {
		b := f.bodies[i]
		switch {
		case b != nil:
			if b != current {
				current, shift = b, f.shift(b, i)
			}
			f.out = append(f.out, line{text: moved(lines[i], shift), kept: true})
		case len(f.tokens[i]) == 0, f.tokens[i][0].Type == token.CommentType:
			f.held = append(f.held, i)
		default:
			f.content(i)
		}
	}
	f.release(-1, 0, f.levels)
	f.align()
	out := make([]string, len(f.out))
	for i, l := range f.out {
		out[i] = l.text
		if l.comment != "" {
			out[i] += strings.Repeat(" ", l.gap) + l.comment
		}
	}
	return out
}

// places finds the tokens of a text. It does not when a token is not in the text as the lexer says.
func places(text string) (out []word, ok bool) {
	at, line, column := 0, 0, 0
	for _, t := range lexer.Tokenize(text) {
		source := strings.Trim(t.Origin, " \t\n")
		i := strings.Index(text[at:], source)
		if i < 0 || strings.TrimSpace(text[at:at+i]) != "" {
			return nil, false
		}
		skip := func(passed string) {
			if last := strings.LastIndexByte(passed, '\n'); last >= 0 {
				line, column, passed = line+strings.Count(passed, "\n"), 0, passed[last+1:]
			}
			column += utf8.RuneCountInString(passed)
		}
		skip(text[at : at+i])
		out = append(out, word{t, line, column})
		skip(source)
		at += i + len(source)
	}
	return out, true
}

// scan sorts the tokens by line and finds the lines that go on with what began above them.
func (f *formatter) scan(words []word) {
	var header *word // of the block text that comes next
	var collection *body
	flow, last := 0, 0
	for _, w := range words {
		if header != nil {
			text := w.Origin
			if !strings.Contains(header.Value, "+") { // empty lines at the end do not count
				text = strings.TrimRight(text, " \n") + "\n"
			}
			relative := strings.ContainsAny(header.Value, "123456789")
			first := header.line + 1
			f.fill(&body{block: true, relative: relative}, first, first+strings.Count(text, "\n"))
			header = nil
			continue
		}
		if flow > 0 {
			f.fill(collection, last+1, w.line+1)
		}
		last = w.line
		switch w.Type {
		case token.SequenceStartType, token.MappingStartType:
			if flow++; flow == 1 {
				collection = &body{}
			}
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.LiteralType, token.FoldedType:
			header = &w
		case token.StringType, token.SingleQuoteType, token.DoubleQuoteType:
			n := strings.Count(strings.Trim(w.Origin, " \n"), "\n")
			f.fill(&body{}, w.line+1, w.line+1+n)
			last += n
		default:
		}
		f.tokens[w.line] = append(f.tokens[w.line], w)
	}
}

// fill says that the lines [first, end) go on with b.
func (f *formatter) fill(b *body, first, end int) {
	for i := first; i < min(end, len(f.bodies)); i++ {
		if f.bodies[i] == nil {
			f.bodies[i] = b
		}
	}
}

// shift is by how many columns the lines of b move. The first of them is line i.
func (f *formatter) shift(b *body, i int) int {
	owner := f.levels[len(f.levels)-1]
	if !b.block || b.relative {
		return owner.to - owner.from
	}
	for ; i < len(f.lines) && f.bodies[i] == b; i++ {
		if strings.TrimSpace(f.lines[i]) != "" {
			return owner.to + tab - indent(f.lines[i])
		}
	}
	return 0
}

// moved is a line with more or less spaces before it.
func moved(text string, by int) string {
	switch {
	case strings.TrimSpace(text) == "" && len(text) <= -by:
		return ""
	case by < 0:
		return text[min(-by, indent(text)):]
	case strings.TrimSpace(text) == "" && len(text) == 0:
		return ""
	default:
		return strings.Repeat(" ", by) + text
	}
}

// content lays out a line on which a key, a list entry or a value begins.
func (f *formatter) content(i int) {
	before := slices.Clone(f.levels)
	text, tokens := []rune(f.lines[i]), f.tokens[i]
	at := tokens[0].column
	marker := tokens[0].Type == token.DocumentHeaderType || tokens[0].Type == token.DocumentEndType ||
		tokens[0].Type == token.DirectiveType
	if marker {
		f.levels = nil
		f.release(i, at, before)
		f.out = append(f.out, line{text: strings.TrimRight(f.lines[i], " \t")})
		return
	}
	to := f.open(at, tokens[0].Type == token.SequenceEntryType)
	f.release(at, to, before)
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", to))
	for len(tokens) > 1 && tokens[0].Type == token.SequenceEntryType && tokens[1].Type != token.CommentType {
		tokens = tokens[1:]
		at = tokens[0].column
		b.WriteString("- ")
		if nested := tokens[0].Type == token.SequenceEntryType; nested || isKey(tokens) {
			f.levels = append(f.levels, level{from: at, to: f.levels[len(f.levels)-1].to + tab, list: nested})
		}
	}
	rest, comment := text[at:], ""
	l := line{}
	if end := tokens[len(tokens)-1]; end.Type == token.CommentType {
		l.column = end.column
		comment, rest = string(text[l.column:]), text[at:l.column]
	}
	value := strings.TrimRight(string(rest), " \t")
	l.gap = len(rest) - utf8.RuneCountInString(value)
	l.comment = strings.TrimRight(comment, " \t")
	b.WriteString(spaced(value, at, tokens))
	l.text = b.String()
	f.out = append(f.out, l)
}

// isKey reports whether the first of a line's tokens begin a key.
func isKey(tokens []word) bool {
	flow := 0
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.MappingValueType, token.MappingKeyType:
			if flow == 0 {
				return true
			}
		default:
		}
	}
	return false
}

// spaced is the text of a key, its value or both, which begins at column at. It has one space after the colon, and
// quotes around a value that holds ${...}.
func spaced(text string, at int, tokens []word) string {
	runes := []rune(text)
	if isKey(tokens) {
		for i, t := range tokens {
			if t.Type != token.MappingValueType {
				continue
			}
			if i+1 == len(tokens) || tokens[i+1].Type == token.CommentType {
				return text
			}
			colon, value := t.column-at, tokens[i+1].column-at
			key := strings.TrimRight(string(runes[:colon]), " ")
			return key + ": " + inQuotes(string(runes[value:]), tokens[i+1:])
		}
	}
	return inQuotes(text, tokens)
}

// inQuotes puts a plain text that holds an expression into quotes.
func inQuotes(text string, tokens []word) string {
	plain := tokens[0].Type == token.StringType && tokens[0].Value == text
	if plain && strings.Contains(text, "${") && !strings.ContainsAny(text, "\"\\") {
		return `"` + text + `"`
	}
	return text
}

// open finds or opens the level of a line at column at, and returns its column in the result.
func (f *formatter) open(at int, list bool) int {
	top := func() *level {
		if len(f.levels) == 0 {
			return nil
		}
		return &f.levels[len(f.levels)-1]
	}
	for top() != nil && top().from > at {
		f.levels = f.levels[:len(f.levels)-1]
	}
	if n := len(f.levels); n > 1 && !list && top().list && f.levels[n-2].from == at {
		f.levels = f.levels[:n-1] // a list at the column of its key ends with the next key
	}
	switch t := top(); {
	case t == nil:
		f.levels = append(f.levels, level{from: at, list: list})
	case t.from < at, list && !t.list:
		f.levels = append(f.levels, level{from: at, to: t.to + tab, list: list})
	}
	return top().to
}

// release writes the comments and empty lines that were held, before a line that moves from one column to another, or
// at the end of the document (-1). A comment goes with the block in whose column it stands.
func (f *formatter) release(from, to int, before []level) {
	empty := false
	for _, i := range f.held {
		text := strings.TrimSpace(f.lines[i])
		if text == "" {
			empty = len(f.out) > 0
			continue
		}
		if empty {
			f.out = append(f.out, line{})
		}
		empty = false
		column := to
		if at := indent(f.lines[i]); at != from {
			for _, l := range before {
				if l.from <= at {
					column = l.to
				}
			}
		}
		f.out = append(f.out, line{text: strings.Repeat(" ", column) + text, kept: true})
	}
	if empty && from >= 0 {
		f.out = append(f.out, line{})
	}
	f.held = f.held[:0]
}

// align puts the comments at the ends of consecutive lines below each other where they were so in the source.
func (f *formatter) align() {
	for first := 0; first < len(f.out); {
		end := first
		for end < len(f.out) && f.out[end].comment != "" && f.out[end].column == f.out[first].column {
			end++
		}
		if end == first {
			first++
			continue
		}
		run := f.out[first:end]
		width, gap := 0, 0
		for _, l := range run {
			if n := utf8.RuneCountInString(l.text); n > width || n == width {
				width, gap = n, max(l.gap, 1)
			}
		}
		for i := range run {
			run[i].gap = width + gap - utf8.RuneCountInString(run[i].text)
		}
		first = end
	}
}
