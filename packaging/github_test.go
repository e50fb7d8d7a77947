package packaging

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// github is a server that has the comments of one pull request, as GitHub's API gives them.
type github struct {
	*httptest.Server
	t        *testing.T
	mutex    sync.Mutex
	next     int
	comments []*comment
	merged   map[string]int // pull requests by the commit that merged them
	readOnly bool
	calls    []string
}

type comment struct {
	ID     int    `json:"id"`
	Body   string `json:"body"`
	Author struct {
		Login string `json:"login"`
	} `json:"user"`
	URL string `json:"html_url"`
}

const bot = "github-actions[bot]"

func newGitHub(t *testing.T) *github {
	t.Helper()
	g := &github{t: t, merged: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /repos/o/r/issues/7/comments", func(w http.ResponseWriter, r *http.Request) {
		g.page(w, r, len(g.comments), func(i int) any { return g.comments[i] })
	})
	mux.HandleFunc("POST /repos/o/r/issues/7/comments", func(w http.ResponseWriter, r *http.Request) {
		g.write(w, r, g.add(bot, ""))
	})
	mux.HandleFunc("PATCH /repos/o/r/issues/comments/{id}", func(w http.ResponseWriter, r *http.Request) {
		for _, c := range g.comments {
			if strconv.Itoa(c.ID) == r.PathValue("id") {
				g.write(w, r, c)
				return
			}
		}
		http.NotFound(w, r)
	})
	mux.HandleFunc("DELETE /repos/o/r/issues/comments/{id}", func(w http.ResponseWriter, r *http.Request) {
		for i, c := range g.comments {
			if strconv.Itoa(c.ID) == r.PathValue("id") {
				g.comments = append(g.comments[:i], g.comments[i+1:]...)
				break
			}
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /repos/o/r/commits/{sha}/pulls", func(w http.ResponseWriter, r *http.Request) {
		sha := r.PathValue("sha")
		var found []map[string]any
		if number, ok := g.merged[sha]; ok { // an open one that has the commit is listed, too
			found = append(found, map[string]any{"number": 1, "merged_at": nil, "merge_commit_sha": "x"},
				map[string]any{"number": number, "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": sha})
		}
		g.page(w, r, len(found), func(i int) any { return found[i] })
	})
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mutex.Lock()
		defer g.mutex.Unlock()
		g.calls = append(g.calls, r.Method)
		switch {
		case r.Header.Get("Authorization") != "Bearer t0ken":
			http.Error(w, `{"message": "Bad credentials"}`, http.StatusUnauthorized)
		case g.readOnly && r.Method != http.MethodGet:
			http.Error(w, `{"message": "Resource not accessible by integration"}`, http.StatusForbidden)
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *github) page(w http.ResponseWriter, r *http.Request, total int, item func(int) any) {
	size, page := 30, 1
	if n, err := strconv.Atoi(r.FormValue("per_page")); err == nil {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(r.FormValue("page")); err == nil {
		page = n
	}
	items := []any{}
	for i := (page - 1) * size; i < min(page*size, total); i++ {
		items = append(items, item(i))
	}
	_ = json.NewEncoder(w).Encode(items)
}

func (g *github) write(w http.ResponseWriter, r *http.Request, c *comment) {
	var in struct{ Body string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len([]rune(in.Body)) > 65_536 {
		http.Error(w, `{"message": "Body is too long"}`, http.StatusUnprocessableEntity)
		return
	}
	c.Body = strings.ReplaceAll(in.Body, "\n", "\r\n") // as GitHub returns what was written in a browser
	_ = json.NewEncoder(w).Encode(c)
}

func (g *github) add(author, body string) *comment {
	g.next++
	c := &comment{ID: g.next, Body: body, URL: fmt.Sprint("https://github.com/o/r/pull/7#issuecomment-", g.next)}
	c.Author.Login = author
	g.comments = append(g.comments, c)
	return c
}

// of returns the bodies of the bot's comments that have a text.
func (g *github) of(text string) []string {
	var out []string
	for _, c := range g.comments {
		if c.Author.Login == bot && strings.Contains(c.Body, text) {
			out = append(out, strings.ReplaceAll(c.Body, "\r\n", "\n"))
		}
	}
	return out
}
