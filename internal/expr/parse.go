package expr

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Limits of one template. HCL's parser and evaluator recurse. So the token stream is checked before parsing, for depth
// and for everything whose cost multiplies.
const (
	MaxLength = 32 << 10 // bytes of a text that holds an expression
	MaxDepth  = 32       // brackets, quotes and interpolations inside each other
	maxTokens = 4096     // of expressions; literal text counts once per piece
	maxErrors = 5        // reported for one text: later errors mostly follow from the first
	maxChain  = 64       // unary operators and conditionals, which recurse without brackets
)

// HasExpression reports whether text needs Compile. Any other text is its own value.
func HasExpression(text string) bool { return strings.Contains(text, "${") }

// parsed is a template after parsing. It can convert its positions to those of the text.
type parsed struct {
	text    string
	root    hclsyntax.Expression
	escapes []int // offsets, in the escaped text, of the percent signs that escape added
}

// parse checks the limits, then parses.
func parse(text string) (*parsed, []error) {
	if len(text) > MaxLength {
		return nil, []error{errorf(0, 0, "a text with ${...} is at most %d KiB long, this one has %d", MaxLength>>10,
			len(text)>>10)}
	}
	escaped, escapes := escape(text)
	p := &parsed{text: text, escapes: escapes}
	if !harmless(escaped) {
		tokens, diags := hclsyntax.LexTemplate([]byte(escaped), "", hcl.InitialPos)
		if err := p.limit(tokens); err != nil { // before its words are checked: there may be thousands
			return nil, []error{err}
		}
		if diags.HasErrors() {
			return nil, p.errors(diags)
		}
	}
	root, diags := hclsyntax.ParseTemplate([]byte(escaped), "", hcl.InitialPos)
	if diags.HasErrors() {
		return nil, p.errors(diags)
	}
	p.root = root
	var found []error
	_ = hclsyntax.VisitAll(root, func(node hclsyntax.Node) hcl.Diagnostics {
		if loop, ok := node.(*hclsyntax.ForExpr); ok {
			offset, length := p.span(loop.Range())
			found = append(found, errorf(offset, length, "a for expression: loops are not supported"))
		}
		return nil
	})
	return p, append(found, p.guardNumbers()...)
}

// harmless reports texts that cannot reach a limit. It counts what could nest, which saves most texts a second scan.
func harmless(text string) bool {
	if len(text) > maxTokens {
		return false
	}
	nesting := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '[', '{', '"', '<', '!', '-', '?':
			nesting++
		}
	}
	return nesting <= MaxDepth
}

// escape turns HCL's second kind of marker, %{, into literal text.
func escape(text string) (string, []int) {
	if !strings.Contains(text, "%{") {
		return text, nil
	}
	var b strings.Builder
	var at []int
	for i := 0; i < len(text); i++ {
		if text[i] == '%' && i+1 < len(text) && text[i+1] == '{' {
			at = append(at, b.Len())
			b.WriteByte('%')
		}
		b.WriteByte(text[i])
	}
	return b.String(), at
}

// offset converts a position in the escaped text to one in the text.
func (p *parsed) offset(escaped int) int {
	added := 0
	for added < len(p.escapes) && p.escapes[added] < escaped {
		added++
	}
	return min(escaped-added, len(p.text))
}

func (p *parsed) span(r hcl.Range) (offset, length int) {
	offset = p.offset(r.Start.Byte)
	return offset, max(p.offset(r.End.Byte)-offset, 0)
}

func (p *parsed) errors(diags hcl.Diagnostics) []error {
	var out []error
	for _, d := range diags {
		if d.Severity != hcl.DiagError || len(out) == maxErrors {
			continue
		}
		e := &Error{Message: lowerFirst(d.Summary)}
		if d.Detail != "" {
			e.Message = lowerFirst(d.Detail)
		}
		if d.Subject != nil {
			e.Offset, e.Length = p.span(*d.Subject)
		}
		out = append(out, e)
	}
	return out
}

func lowerFirst(s string) string {
	s, _, _ = strings.Cut(s, " Did you intend") // HCL's advice on escaping; callers give it for every error
	s, _, _ = strings.Cut(s, "\n\n")            // the same at greater length
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && s[1] >= 'a' && s[1] <= 'z' {
		return string(s[0]+('a'-'A')) + s[1:]
	}
	return s
}

// limit checks everything that the parser and the evaluator recurse into.
func (p *parsed) limit(tokens hclsyntax.Tokens) error {
	depth, count, chain := 0, 0, 0
	for _, t := range tokens {
		count++
		switch t.Type {
		case hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl, hclsyntax.TokenOParen,
			hclsyntax.TokenOBrack,
			hclsyntax.TokenOBrace, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenTemplateSeqEnd, hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenCBrace,
			hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc:
			depth--
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion:
			chain++
		}
		var excess string
		switch {
		case depth > MaxDepth:
			excess = fmt.Sprintf("nested more than %d deep", MaxDepth)
		case count > maxTokens:
			excess = fmt.Sprintf("longer than %d words and signs", maxTokens)
		case chain > maxChain:
			excess = fmt.Sprintf("more than %d of the operators !, - and ? in one text", maxChain)
		default:
			continue
		}
		offset, length := p.span(t.Range)
		return errorf(offset, length, "an expression %s", excess)
	}
	return nil
}
