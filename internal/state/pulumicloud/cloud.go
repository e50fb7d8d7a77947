// Package pulumicloud writes the derived copy of a state to Pulumi Cloud, or to one that a team hosts itself.
//
// In: an address, an access token, an organization, and a deployment as Pulumi's checkpoints have it. Out: the stack in
// Pulumi Cloud has this deployment. It must not read a state back: deployer's own state is the truth. The token goes
// into one header, and into no error and no log.
package pulumicloud

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/company/deployer/internal/diag"
)

// Public is the address of Pulumi's own service. The API has another host than the console.
const (
	Public    = "app.pulumi.com"
	publicAPI = "https://api.pulumi.com"
)

const (
	patience  = 6 * time.Second // for all calls about one copy: a run that has released its lock ends soon after
	pause     = 200 * time.Millisecond
	attempts  = 3
	maxAnswer = 1 << 20
)

// Client writes copies with one token.
type Client struct {
	HTTP         *http.Client
	Address      string // Public, or the URL of another Pulumi Cloud
	Token        string // an access token of Pulumi Cloud
	Organization string // "": the one of the token's user
	Agent        string // User-Agent
}

// Stack names a stack of Pulumi Cloud.
type Stack struct{ Project, Name string }

// Put makes deployment, an apitype.DeploymentV3, the state of a stack. It creates the stack if it does not exist. To
// repeat it is safe. It uses the calls of `pulumi stack import`: importStack, createStack and getUpdateStatus of Pulumi
// Cloud's REST API.
func (c *Client) Put(ctx context.Context, stack Stack, deployment json.RawMessage) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := c.put(ctx, stack, deployment)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled): // all else is recorded: only the copy is missing
		err = errors.New("the run ended before the answer")
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %d seconds", int(patience.Seconds()))
	}
	return c.warning(stack, err)
}

func (c *Client) put(ctx context.Context, stack Stack, deployment json.RawMessage) error {
	if c.Token == "" {
		return errNoToken
	}
	organization, err := c.organization(ctx)
	if err != nil {
		return err
	}
	project := "/api/stacks/" + url.PathEscape(organization) + "/" + url.PathEscape(stack.Project)
	path := project + "/" + url.PathEscape(stack.Name)
	body := map[string]any{"version": 3, "deployment": deployment}
	var begun struct {
		UpdateID string `json:"updateId"`
	}
	err = c.call(ctx, http.MethodPost, path+"/import", body, &begun)
	if status(err) == http.StatusNotFound {
		err = c.call(ctx, http.MethodPost, project, map[string]any{"stackName": stack.Name}, nil)
		if err == nil || status(err) == http.StatusConflict { // it exists: an answer was lost, or another run was first
			err = c.call(ctx, http.MethodPost, path+"/import", body, &begun)
		}
	}
	if err != nil {
		return err
	}
	return c.await(ctx, path+"/update/"+url.PathEscape(begun.UpdateID))
}

func (c *Client) organization(ctx context.Context) (string, error) {
	if c.Organization != "" {
		return c.Organization, nil
	}
	var user struct {
		Login string `json:"githubLogin"`
	}
	if err := c.call(ctx, http.MethodGet, "/api/user", nil, &user); err != nil {
		return "", err
	}
	if user.Login == "" {
		return "", errors.New("the token belongs to no user: set pulumi.organization")
	}
	return user.Login, nil
}

// await asks until an import has ended. Pulumi Cloud works on it after it has answered.
func (c *Client) await(ctx context.Context, path string) error {
	for {
		var update struct {
			Status string `json:"status"`
		}
		if err := c.call(ctx, http.MethodGet, path, nil, &update); err != nil {
			return err
		}
		switch update.Status {
		case "succeeded":
			return nil
		case "failed", "cancelled":
			return errors.New("the import ended as " + update.Status)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// call sends a request and decodes its answer. It repeats one that found no answer, was throttled or hit an internal
// error.
func (c *Client) call(ctx context.Context, method, path string, body, answer any) error {
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			if gone := sleep(ctx, pause<<attempt); gone != nil {
				return gone
			}
		}
		if err = c.once(ctx, method, path, body, answer); !again(err) {
			return err
		}
	}
	return err
}

func (c *Client) once(ctx context.Context, method, path string, body, answer any) error {
	packed, err := pack(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.api()+path, packed)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "token "+c.Token)
	request.Header.Set("Accept", "application/vnd.pulumi+8")
	request.Header.Set("User-Agent", c.Agent)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Content-Encoding", "gzip")
	}
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(request)
	if err != nil {
		return lostError{err}
	}
	defer response.Body.Close() //nolint:errcheck // read only
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return lostError{err}
	}
	if response.StatusCode/100 != 2 {
		refused := refusedError{code: response.StatusCode, status: response.Status}
		_ = json.Unmarshal(text, &refused) // an answer of a proxy is no JSON
		return refused
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

func (c *Client) api() string {
	if c.Address == Public {
		return publicAPI
	}
	return c.Address
}

// pack compresses a body: Pulumi Cloud accepts it, and a state is mostly repetition.
func pack(body any) (io.Reader, error) {
	if body == nil {
		return http.NoBody, nil
	}
	var out bytes.Buffer
	into := gzip.NewWriter(&out)
	if err := json.NewEncoder(into).Encode(body); err != nil {
		return nil, err
	}
	return &out, into.Close()
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refusedError is an answer that is no success.
type refusedError struct {
	code    int
	status  string
	Message string `json:"message"`
}

func (r refusedError) Error() string {
	if r.Message != "" {
		return "it answered " + r.status + ": " + r.Message
	}
	return "it answered " + r.status
}

func status(err error) int {
	var refused refusedError
	if errors.As(err, &refused) {
		return refused.code
	}
	return 0
}

// lostError is a request without an answer.
type lostError struct{ error }

func (l lostError) Unwrap() error { return l.error }

func again(err error) bool {
	code := status(err)
	return errors.As(err, &lostError{}) || code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}

var errNoToken = errors.New("there is no access token")

// warning says that there is no new copy, and what to do. The deployment itself is saved.
func (c *Client) warning(stack Stack, err error) error {
	next := "The next apply writes the copy again."
	switch code := status(err); {
	case errors.Is(err, errNoToken):
		next = "Set the environment variable that pulumi.accessToken names. " + next
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		next = "Check the token of pulumi.accessToken, and that it may write to the organization. " + next
	}
	var at *url.Error
	if errors.As(err, &at) {
		err = at.Err // without the address, which is in the sentence
	}
	d := diag.New(diag.Failed, "Copy for pulumi was not written",
		fmt.Sprintf("The stack %s/%s in %s still has its old state, or does not exist: %v.", stack.Project, stack.Name,
			c.Address, err), next)
	d.Severity = diag.Warning
	return d
}
