package call

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Each returns the items of a list that AWS returns in pages. It asks for a page when its first item is needed. list is
// the SDK's call, next the token in its input, page returns the items of an answer and the token of the next one. The
// last value may be an error of list, as the SDK returned it.
//
// It takes the method of a client, never the client: so the linker drops the client's other methods.
func Each[In, Out, Options, T any](
	ctx context.Context, list func(context.Context, *In, ...func(*Options)) (*Out, error), in *In, next **string,
	page func(*Out) ([]T, *string),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			out, err := list(ctx, in)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			items, token := page(out)
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if *next = token; aws.ToString(token) == "" {
				return
			}
		}
	}
}

// All returns the items of Each at once; none with an error.
func All[In, Out, Options, T any](
	ctx context.Context, list func(context.Context, *In, ...func(*Options)) (*Out, error), in *In, next **string,
	page func(*Out) ([]T, *string),
) ([]T, error) {
	var all []T
	for item, err := range Each(ctx, list, in, next, page) {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}
