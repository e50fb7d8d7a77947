package call

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

type (
	listInput  struct{ Token *string }
	listOutput struct {
		Items []int
		Token *string
	}
)

func TestPages(t *testing.T) {
	token := func(s string) *string { return &s }
	answers := map[string]listOutput{
		"": {[]int{1, 2}, token("a")}, "a": {nil, token("b")}, "b": {[]int{3}, token("")},
	}
	var asked []string
	list := func(_ context.Context, in *listInput, _ ...func(*struct{})) (*listOutput, error) {
		from := ""
		if in.Token != nil {
			from = *in.Token
		}
		asked = append(asked, from)
		out, known := answers[from]
		if !known {
			return nil, errors.New("refused")
		}
		return &out, nil
	}
	page := func(out *listOutput) ([]int, *string) { return out.Items, out.Token }

	in := &listInput{}
	all, err := All(t.Context(), list, in, &in.Token, page)
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3}, all, "an empty page is not the last one, an empty token is no token")
	require.Equal(t, []string{"", "a", "b"}, asked)

	asked = nil
	in = &listInput{}
	for item, err := range Each(t.Context(), list, in, &in.Token, page) {
		require.NoError(t, err)
		if item == 2 {
			break
		}
	}
	require.Equal(t, []string{""}, asked, "nobody needs the second page")

	delete(answers, "b")
	in = &listInput{}
	all, err = All(t.Context(), list, in, &in.Token, page)
	require.EqualError(t, err, "refused")
	require.Nil(t, all)
}
