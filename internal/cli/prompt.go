package cli

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// prompter asks on the terminal. Reading cannot be interrupted, so it runs in parallel to the context.
type prompter struct {
	f     *Factory
	lines *bufio.Reader
}

func newPrompter(f *Factory) *prompter { return &prompter{f: f, lines: bufio.NewReader(f.In)} }

// line asks a question; an empty answer is the fallback.
func (p *prompter) line(ctx context.Context, question, fallback string) (string, error) {
	w := p.f.Stderr()
	if fallback == "" {
		w.Printf("%s: ", question)
	} else {
		w.Printf("%s [%s]: ", question, fallback)
	}
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := p.lines.ReadString('\n')
		if errors.Is(err, io.EOF) && text != "" {
			err = nil
		}
		got <- answer{strings.TrimSpace(text), err}
	}()
	select {
	case <-ctx.Done():
		w.Printf("\n")
		return "", context.Cause(ctx)
	case a := <-got:
		if a.err != nil {
			w.Printf("\n") // the cursor is still after the question
		}
		if a.text == "" && a.err == nil {
			return fallback, nil
		}
		return a.text, a.err
	}
}

// yes asks for approval; only the whole word is an approval.
func (p *prompter) yes(ctx context.Context, question string) (bool, error) {
	text, err := p.line(ctx, question+" Only \"yes\" is accepted", "")
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	return text == "yes", err
}
