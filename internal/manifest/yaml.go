package manifest

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// reader parses one file.
type reader struct {
	problems *problems
	cost     *cost
	shape    string // what a document must be, for the error; "": a manifest
	broken   bool   // the file could not be read in full: what seems missing may be there
}

// cost is the total of all files of a stack so far.
type cost struct {
	documents, work atomic.Int64
	stop            atomic.Bool // a limit was hit
}

// parsed is one file with the roots of its documents.
type parsed struct {
	source   source
	file     *file
	roots    []*node
	problems problems
	broken   bool
}

// readAll parses the files in parallel and returns them in their order.
func readAll(folder string, sources []source) []parsed {
	out := make([]parsed, len(sources))
	total := &cost{}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(sources)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(sources) && !total.stop.Load(); i = int(next.Add(1)) - 1 {
				f := &out[i]
				f.source = sources[i]
				r := &reader{problems: &f.problems, cost: total}
				f.file, f.roots = r.read(path.Join(folder, f.source.path), f.source.data)
				f.broken = r.broken || f.problems.limited
				if f.problems.limited {
					total.stop.Store(true)
				}
			}
		})
	}
	workers.Wait()
	return out
}

// read parses one file into the roots of its documents, which are all maps. A syntax error makes only its own document
// unusable.
func (r *reader) read(name, data string) (*file, []*node) {
	f := &file{name: name}
	text, ok := r.decode(f, data)
	if !ok {
		return f, nil
	}
	f.lines = strings.Split(text, "\n")
	documents := r.documents(f)
	var roots []*node
	for _, d := range documents {
		if r.problems.limited {
			break
		}
		roots = append(roots, r.roots(f, d.first, d.end)...)
	}
	return f, roots
}

// lines are the lines [first, end) of a file.
type lines struct{ first, end int }

// documents finds the lines of each document of a file. It returns none when there are too many, so the limit is
// checked before parsing.
func (r *reader) documents(f *file) []lines {
	var out []lines
	for first := 0; first < len(f.lines); {
		end := first + 1
		for end < len(f.lines) && !startsDocument(f.lines[end]) {
			end++
		}
		if !blank(f.lines[first:end]) {
			if len(out) == maxFileDocuments {
				r.problems.limit(span{file: f, line: first + 1, column: 1},
					fmt.Sprintf("The file has more than %d documents.", maxFileDocuments))
				return nil
			}
			out = append(out, lines{first, end})
		}
		first = end
	}
	return out
}

// roots parses the lines [first, end) of a file. The parser panics on some malformed input, which is reported as a
// syntax error.
func (r *reader) roots(f *file, first, end int) (roots []*node) {
	defer func() {
		if recover() != nil {
			roots = nil
			r.syntax(f, first, errNonsense)
		}
	}()
	for _, body := range r.document(f, first, end) {
		if n := r.root(f, body); n != nil {
			roots = append(roots, n)
		}
	}
	return roots
}

var errNonsense = errors.New("the document is not valid YAML")

// startsDocument recognises the line ---. In YAML only a new document may start like this.
func startsDocument(line string) bool {
	return strings.HasPrefix(line, "---") && (len(line) == 3 || line[3] == ' ' || line[3] == '\t')
}

// decode refuses data that is not text and converts all line ends to one form.
func (r *reader) decode(f *file, data string) (string, bool) {
	where := span{file: f}
	switch {
	case len(data) > MaxFileSize:
		r.problems.limit(where, fmt.Sprintf("The file has %d KiB; %d KiB are allowed.", len(data)>>10, MaxFileSize>>10))
		return "", false
	case strings.HasPrefix(data, "\xff\xfe"), strings.HasPrefix(data, "\xfe\xff"):
		r.refuse(where, "Wrong encoding", "The file is UTF-16, but only UTF-8 is read.", "Save it as UTF-8.")
		return "", false
	}
	data = strings.TrimPrefix(data, "\ufeff")
	if strings.Contains(data, "\r") {
		data = strings.ReplaceAll(strings.ReplaceAll(data, "\r\n", "\n"), "\r", "\n")
	}
	for i, c := range data {
		if c == utf8.RuneError || c < ' ' && c != '\n' && c != '\t' || c >= 0x7f && c <= 0x9f && c != 0x85 {
			if _, width := utf8.DecodeRuneInString(data[i:]); c == utf8.RuneError && width > 1 {
				continue // U+FFFD itself, correctly encoded
			}
			before := data[:i]
			where.line = strings.Count(before, "\n") + 1
			where.column = utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
			r.refuse(where, "Wrong encoding", fmt.Sprintf("The byte 0x%02X is not valid UTF-8.", data[i]),
				"Save the file as UTF-8 text.")
			return "", false
		}
	}
	return data, true
}

func (r *reader) refuse(where span, summary, detail, next string) {
	r.broken = true
	r.problems.invalid(where, summary, detail, next)
}

// document parses the lines [first, end) of a file.
func (r *reader) document(f *file, first, end int) []ast.Node {
	text := strings.Join(f.lines[first:end], "\n")
	where := span{file: f, line: first + 1, column: 1}
	if r.cost.documents.Add(1) > maxDocuments {
		r.problems.limit(where, fmt.Sprintf("The stack has more than %d documents.", maxDocuments))
		return nil
	}
	if len(text) > MaxDocumentSize {
		r.problems.limit(where, fmt.Sprintf("The document has %d KiB; %d KiB are allowed.", len(text)>>10,
			MaxDocumentSize>>10))
		return nil
	}
	tokens := lexer.Tokenize(text + "\n")
	for _, t := range tokens {
		t.Position.Line += first
	}
	if detail := excess(tokens); detail != "" {
		r.problems.limit(where, detail)
		return nil
	}
	if r.cost.work.Add(int64(len(tokens))*int64(len(tokens))) > maxWork {
		r.problems.limit(where, "The stack's YAML is too large: too many large documents.")
		return nil
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // all duplicates are reported here
	if err != nil {
		r.syntax(f, first, err)
		return nil
	}
	var bodies []ast.Node
	for _, doc := range tree.Docs {
		if doc.Body != nil {
			bodies = append(bodies, doc.Body)
		}
	}
	return bodies
}

func blank(lines []string) bool {
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && line != "---" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// excess says which limit the tokens of a document exceed, "" when none.
func excess(tokens token.Tokens) string {
	if len(tokens) > maxTokens {
		return fmt.Sprintf("The document has more than %d words and signs.", maxTokens)
	}
	flow := 0
	var columns []int // of the block lists and maps that are open
	for i, t := range tokens {
		opens := false
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			opens = flow <= 0
		case token.MappingValueType:
			if i > 0 && len(tokens[i-1].Value) > maxKey {
				return fmt.Sprintf("A key has more than %d characters.", maxKey)
			}
		default:
			opens = flow <= 0 && i+1 < len(tokens) && tokens[i+1].Type == token.MappingValueType
		}
		if opens {
			for len(columns) > 0 && columns[len(columns)-1] > t.Position.Column {
				columns = columns[:len(columns)-1]
			}
			if len(columns) == 0 || columns[len(columns)-1] < t.Position.Column {
				columns = append(columns, t.Position.Column)
			}
		}
		if flow+len(columns) > maxDepth {
			return fmt.Sprintf("Lists and maps are nested more than %d deep.", maxDepth)
		}
	}
	return ""
}

// syntax reports an error of the parser.
func (r *reader) syntax(f *file, first int, err error) {
	where := span{file: f, line: first + 1, column: 1}
	message := errNonsense.Error()
	var placed interface { // not Error(): it draws the source around the place, slowly
		GetMessage() string
		GetToken() *token.Token
	}
	if errors.As(err, &placed) {
		message = placed.GetMessage()
		if t := placed.GetToken(); t != nil && t.Position != nil {
			where.line, where.column = min(max(t.Position.Line, 1), len(f.lines)), max(t.Position.Column, 1)
		}
	}
	next := "Correct the YAML here or just above."
	switch line := f.lines[where.line-1]; {
	case strings.Contains(message, "\t"):
		message, next = "there is a tab where YAML does not allow one", "Indent with spaces."
	case strings.Contains(line, "\t"):
		next = "Indent with spaces. YAML does not allow tabs there."
	case strings.Contains(line, "${"):
		next = "Quote texts that hold ${...}."
	}
	r.refuse(where, "Invalid YAML", upperFirst(message)+".", next)
}

func upperFirst(s string) string {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:]
}
