package resource

import "context"

type tellKey struct{}

// WithTell returns a context in which Tell calls tell. Several goroutines may call tell at once.
func WithTell(ctx context.Context, tell func(line string)) context.Context {
	return context.WithValue(ctx, tellKey{}, tell)
}

// Tell shows a line to the person who waits for a call in that context, while the call takes long. It does nothing if
// nobody listens.
func Tell(ctx context.Context, line string) {
	if tell, ok := ctx.Value(tellKey{}).(func(string)); ok {
		tell(line)
	}
}

type noteKey struct{}

// WithNote returns a context in which Note calls note. Several goroutines may call note at once.
func WithNote(ctx context.Context, note func(line string)) context.Context {
	return context.WithValue(ctx, noteKey{}, note)
}

// Note tells a fact that is no problem and needs no action. It does nothing if nobody listens.
func Note(ctx context.Context, line string) {
	if note, ok := ctx.Value(noteKey{}).(func(string)); ok {
		note(line)
	}
}
