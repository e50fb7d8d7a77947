// Package fakepulumi is a Pulumi Cloud on this machine, for tests: the part of its REST API with which stacks are
// created, imported, listed and exported. The stock pulumi CLI logs in to it.
//
// In: HTTP requests with a token. Out: answers as Pulumi Cloud gives them. It must not accept what Pulumi Cloud
// refuses: another token, a stack that does not exist, and resources of another stack.
package fakepulumi

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// User is whom every token belongs to, and the name of the only organization.
const User = "shop-team"

// Cloud is a Pulumi Cloud with one user.
type Cloud struct {
	Token string // what the Authorization header must have

	mu     sync.Mutex
	stacks map[string]*stack // by organization/project/name
	fails  []int             // status codes of the next answers
	asked  []string          // method and path of each request
}

type stack struct {
	organization, project, name string
	version                     int
	deployment                  json.RawMessage
	polls                       int // how often an import was asked about: the first answer is always "running"
}

// New makes an empty cloud.
func New(token string) *Cloud { return &Cloud{Token: token, stacks: map[string]*stack{}} }

// Fail lets the next requests fail with these status codes.
func (c *Cloud) Fail(codes ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails = codes
}

// Asked returns method and path of each request so far.
func (c *Cloud) Asked() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.asked...)
}

// Deployment returns what a stack was last imported with; nil: there is no such stack.
func (c *Cloud) Deployment(organization, project, name string) json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.stacks[organization+"/"+project+"/"+name]; found != nil {
		return found.deployment
	}
	return nil
}

// ServeHTTP answers as Pulumi Cloud does.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, r.Method+" "+r.URL.Path)
	if len(c.fails) > 0 {
		code := c.fails[0]
		c.fails = c.fails[1:]
		refuse(w, code, "this answer was ordered by a test")
		return
	}
	if r.Header.Get("Authorization") != "token "+c.Token && r.URL.Path != "/api/cli/version" {
		refuse(w, http.StatusUnauthorized, "Unauthorized: No credentials provided or are invalid.")
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) > 2 && parts[1] == "stacks" {
		c.serveStack(w, r, parts[2:])
		return
	}
	c.serveAccount(w, r)
}

func (c *Cloud) serveAccount(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/api/user":
		organization := map[string]any{"githubLogin": User, "name": User}
		answer(w, map[string]any{"id": "1", "githubLogin": User, "name": User, "organizations": []any{organization}})
	case "/api/user/organizations/default":
		answer(w, map[string]any{"GitHubLogin": User})
	case "/api/user/stacks":
		stacks := []any{}
		for _, s := range c.stacks {
			stacks = append(stacks, s.summary())
		}
		answer(w, map[string]any{"stacks": stacks})
	case "/api/capabilities":
		answer(w, map[string]any{"capabilities": []any{}})
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

func (s *stack) summary() map[string]any {
	return map[string]any{
		"id": s.project + "-" + s.name, "orgName": s.organization, "projectName": s.project, "stackName": s.name,
		"version": s.version, "tags": map[string]string{},
	}
}

// serveStack answers below /api/stacks/; parts are organization, project, stack and what is asked of it.
func (c *Cloud) serveStack(w http.ResponseWriter, r *http.Request, parts []string) {
	body, err := read(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if parts[0] != User {
		refuse(w, http.StatusForbidden, "the token may not write to "+parts[0])
		return
	}
	if len(parts) == 2 {
		c.create(w, r, parts, body)
		return
	}
	found := c.stacks[strings.Join(parts[:min(len(parts), 3)], "/")]
	if found == nil {
		refuse(w, http.StatusNotFound, "Stack not found")
		return
	}
	switch call := r.Method + " " + strings.Join(parts[3:], "/"); {
	case call == "GET ":
		answer(w, found.summary())
	case call == "GET export":
		answer(w, map[string]any{"version": 3, "deployment": found.deployment})
	case call == "POST import":
		found.accept(w, body)
	case strings.HasPrefix(call, "GET update/"):
		found.polls++
		status := "running"
		if found.polls > 1 {
			status = "succeeded"
		}
		answer(w, map[string]any{"status": status, "events": []any{}})
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
}

func (c *Cloud) create(w http.ResponseWriter, r *http.Request, parts []string, body []byte) {
	var asked struct {
		StackName string `json:"stackName"`
	}
	if r.Method != http.MethodPost || json.Unmarshal(body, &asked) != nil || asked.StackName == "" {
		refuse(w, http.StatusBadRequest, "Bad Request: no stackName")
		return
	}
	key := strings.Join(append(parts[:2:2], asked.StackName), "/")
	if c.stacks[key] != nil {
		refuse(w, http.StatusConflict, "Conflict: Stack already exists")
		return
	}
	c.stacks[key] = &stack{organization: parts[0], project: parts[1], name: asked.StackName}
	answer(w, map[string]any{})
}

// accept imports a deployment whose resources are those of this stack.
func (s *stack) accept(w http.ResponseWriter, body []byte) {
	var asked struct {
		Version    int             `json:"version"`
		Deployment json.RawMessage `json:"deployment"`
	}
	var deployment struct {
		Manifest struct {
			Version string `json:"version"`
		} `json:"manifest"`
		Resources []struct {
			URN string `json:"urn"`
		} `json:"resources"`
	}
	if json.Unmarshal(body, &asked) != nil || json.Unmarshal(asked.Deployment, &deployment) != nil ||
		asked.Version != 3 || deployment.Manifest.Version == "" {
		refuse(w, http.StatusBadRequest, "Bad Request: invalid deployment")
		return
	}
	for _, resource := range deployment.Resources {
		if !strings.HasPrefix(resource.URN, fmt.Sprintf("urn:pulumi:%s::%s::", s.name, s.project)) {
			refuse(w, http.StatusBadRequest, "Bad Request: "+resource.URN+" belongs to another stack")
			return
		}
	}
	s.deployment, s.version, s.polls = asked.Deployment, s.version+1, 0
	answer(w, map[string]any{"updateId": fmt.Sprintf("import-%d", s.version)})
}

func read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	packed, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(packed)
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // the client is gone
}

func refuse(w http.ResponseWriter, code int, message string) {
	w.WriteHeader(code)
	answer(w, map[string]any{"code": code, "message": message})
}
