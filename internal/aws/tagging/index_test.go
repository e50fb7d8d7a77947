package tagging

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"
)

// question is one question to GetResources.
type question struct {
	PaginationToken string
	ResourceARNList []string
	TagFilters      []struct {
		Key    string
		Values []string
	}
}

type pair struct{ Key, Value string }

type mapping struct {
	ResourceARN string
	Tags        []pair
}

// fakeIndex answers like the tag index: by tags with a page of 100 objects, by name with the named objects, whatever
// their tags.
type fakeIndex struct {
	mu        sync.Mutex
	order     []string
	tags      map[string]string // the stack in an object's tags, by ARN
	asked     []question
	together  int           // questions by name that must be open before one is answered
	open      int           // how many are open
	all       chan struct{} // closed when enough are open
	refuseARN string        // a question for this ARN is refused
	byTags    bool          // it uses only tags and tokens, as emulators do
}

func (f *fakeIndex) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q question
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	f.asked = append(f.asked, q)
	by := len(q.ResourceARNList) > 0 && !f.byTags
	if by {
		if f.open++; f.open == f.together {
			close(f.all)
		}
	}
	f.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	refuse := func(code, message string) {
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
	}
	out := struct {
		PaginationToken        string
		ResourceTagMappingList []mapping
	}{}
	switch {
	case len(q.ResourceARNList) > 100, by && len(q.TagFilters) > 0:
		refuse("InvalidParameterException", "at most 100 ARNs, and no filters beside them")
		return
	case slices.Contains(q.ResourceARNList, f.refuseARN) && f.refuseARN != "":
		refuse("InvalidParameterException", "not this one")
		return
	case by:
		select {
		case <-f.all:
		case <-r.Context().Done():
			return
		}
		for _, arn := range q.ResourceARNList {
			if stack, known := f.tags[arn]; known {
				out.ResourceTagMappingList = append(out.ResourceTagMappingList, mapping{arn, []pair{{"stack", stack}}})
			}
		}
	default:
		for _, arn := range f.order {
			if len(q.TagFilters) == 0 || f.tags[arn] == q.TagFilters[0].Values[0] {
				out.ResourceTagMappingList = append(out.ResourceTagMappingList,
					mapping{arn, []pair{{"stack", f.tags[arn]}}})
			}
		}
		from, _ := strconv.Atoi(q.PaginationToken)
		out.ResourceTagMappingList = out.ResourceTagMappingList[from:]
		if len(out.ResourceTagMappingList) > 100 {
			out.PaginationToken, out.ResourceTagMappingList = strconv.Itoa(from+100), out.ResourceTagMappingList[:100]
		}
	}
	_ = json.NewEncoder(w).Encode(out)
}

func arn(i int) string { return fmt.Sprintf("arn:aws:sqs:eu-west-1:123456789012:q%04d", i) }

func begin(t *testing.T, f *fakeIndex) (*Index, context.Context) {
	t.Helper()
	f.all = make(chan struct{})
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	cfg := aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
	}
	return Begin(ctx, cfg, map[string]string{"stack": "shop"}), ctx
}

func stack(n int) *fakeIndex {
	f := &fakeIndex{tags: map[string]string{}}
	for i := range n {
		f.order = append(f.order, arn(i))
		f.tags[arn(i)] = "shop"
	}
	return f
}

// Objects that are not on the first page are asked for by name, 100 per call and all calls at once, instead of page
// after page.
func TestMoreThanAPage(t *testing.T) {
	f := stack(350)
	f.tags[arn(340)] = "other" // asked by name, the index also returns objects that lost our tags
	delete(f.tags, arn(120))
	delete(f.tags, arn(5))
	f.order = slices.DeleteFunc(f.order, func(arn string) bool { _, there := f.tags[arn]; return !there })
	f.together = 3
	x, ctx := begin(t, f)
	names := make([]string, 0, 351)
	for i := range 350 {
		names = append(names, arn(i))
	}
	has, err := x.Has(ctx, append(names, "")) // an object with an unknown ARN is not asked for
	require.NoError(t, err)
	for i, name := range names {
		require.Equal(t, i != 340 && i != 120 && i != 5, has[name], name)
	}
	require.False(t, has[""])
	require.Len(t, f.asked, 4, "the first page, and three side by side")
	var byName []string
	for _, q := range f.asked[1:] {
		require.Empty(t, q.PaginationToken)
		byName = append(byName, q.ResourceARNList...)
	}
	require.Len(t, byName, 250)
	require.NotContains(t, strings.Join(byName, " "), arn(0), "which the first page lists")
	list, err := x.First(ctx)
	require.NoError(t, err)
	require.Len(t, list, 100)
}

// One page that lists everything is the whole answer.
func TestOnePage(t *testing.T) {
	f := stack(100)
	x, ctx := begin(t, f)
	has, err := x.Has(ctx, []string{arn(3), arn(100)})
	require.NoError(t, err)
	require.True(t, has[arn(3)])
	require.False(t, has[arn(100)])
	require.Len(t, f.asked, 1)
}

// If one call fails, the whole answer is unreliable.
func TestARefusedQuestion(t *testing.T) {
	f := stack(250)
	f.together, f.refuseARN = 1, arn(249)
	x, ctx := begin(t, f)
	names := make([]string, 0, 250)
	for i := range 250 {
		names = append(names, arn(i))
	}
	_, err := x.Has(ctx, names)
	require.ErrorContains(t, err, "tag:GetResources")
	require.ErrorContains(t, err, "not this one")
}

// An index that ignores names is read page after page.
func TestAnIndexThatIgnoresNames(t *testing.T) {
	f := stack(350)
	f.byTags = true
	f.tags[arn(340)] = "other"
	x, ctx := begin(t, f)
	has, err := x.Has(ctx, slices.Clone(f.order))
	require.NoError(t, err)
	for i, name := range f.order {
		require.Equal(t, i != 340, has[name], name)
	}
}
