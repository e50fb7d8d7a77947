package resource

import "context"

type tellKey struct{}

// WithTell returns a context in which Tell calls tell. It may be called from several goroutines at once.
func WithTell(ctx context.Context, tell func(line string)) context.Context {
	return context.WithValue(ctx, tellKey{}, tell)
}

// Tell tells whoever waits for a call in that context something that they should see while it takes long. It does
// nothing where nobody listens.
func Tell(ctx context.Context, line string) {
	if tell, ok := ctx.Value(tellKey{}).(func(string)); ok {
		tell(line)
	}
}

type noteKey struct{}

// WithNote returns a context in which Note calls note. It may be called from several goroutines at once.
func WithNote(ctx context.Context, note func(line string)) context.Context {
	return context.WithValue(ctx, noteKey{}, note)
}

// Note tells a fact that is no trouble, and that nobody has to act on. It does nothing where nobody listens.
func Note(ctx context.Context, line string) {
	if note, ok := ctx.Value(noteKey{}).(func(string)); ok {
		note(line)
	}
}
