// Package late delays new objects, as AWS does: for seconds to minutes after a security group, a target group or a role
// is made, other services still answer that it does not exist. In the emulator all services know it at once.
//
// What comes in: a proxy, the classes of objects of all services, and how often each operation does not know a new
// object. What goes out: the answers that AWS gives then.
//
// What it must not do: know the services or the product, or change the objects.
package late

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/company/deployer/e2e/testkit/proxy"
)

// Late is the delay of one proxy.
type Late struct {
	classes []Class

	mu    sync.Mutex
	calls int
	// asked counts, by new object and operation, the calls that did not know the object.
	asked map[object]map[string]int
	told  map[string]int // the same calls, by operation
}

type object struct {
	class *Class
	id    string
}

// Install adds a Late to a proxy, turned off.
func Install(p *proxy.Proxy, classes []Class) *Late {
	l := &Late{classes: classes}
	l.Set(0)
	p.OnReset(func() { l.Set(0) })
	p.Interpose(l.answer)
	p.Watch(l.learn)
	return l
}

// Set says how many calls of each operation do not know a new object, from now on; 0: none. Existing objects are not
// new any more.
func (l *Late) Set(calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls, l.asked, l.told = calls, map[object]map[string]int{}, map[string]int{}
}

// Told returns how many calls of each operation ("ecs:CreateService") did not know an object since Set.
func (l *Late) Told() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]int{}
	for operation, n := range l.told {
		out[operation] = n
	}
	return out
}

// learn records the object that a call has made.
func (l *Late) learn(c *proxy.Call, answer *proxy.Response) {
	if answer.Status >= 300 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.calls == 0 {
		return
	}
	for i := range l.classes {
		kind := &l.classes[i]
		if kind.Made != c.Service+":"+c.Operation {
			continue
		}
		text := answer.Body
		if kind.Asked {
			text = request(c)
		}
		if m := kind.ID.FindSubmatch(text); m != nil && l.asked[object{kind, string(m[1])}] == nil {
			l.asked[object{kind, string(m[1])}] = map[string]int{}
		}
	}
}

// answer is a service's error for an object that it does not know yet, nil when it knows all objects in the call.
func (l *Late) answer(c *proxy.Call) *proxy.Response {
	l.mu.Lock()
	defer l.mu.Unlock()
	operation := c.Service + ":" + c.Operation
	body := request(c)
	for i := range l.classes {
		kind := &l.classes[i]
		for _, to := range kind.Unknown {
			if !slices.Contains(to.Operations, operation) || to.When != "" && !bytes.Contains(body, []byte(to.When)) {
				continue
			}
			for new, counts := range l.asked {
				if new.class != kind || !names(body, new.id) || counts[operation] >= l.calls {
					continue
				}
				counts[operation]++
				l.told[operation]++
				if to.Code == "" {
					return proxy.JSONResponse(map[string]any{to.Message: []any{}})
				}
				return c.Failure(max(to.Status, http.StatusBadRequest), to.Code,
					strings.ReplaceAll(to.Message, "ID", new.id))
			}
		}
	}
	return nil
}

// names reports whether a request contains an id, not only a longer id with the same beginning.
func names(body []byte, id string) bool {
	for rest := body; ; {
		i := bytes.Index(rest, []byte(id))
		if i < 0 {
			return false
		}
		rest = rest[i+len(id):]
		if len(rest) == 0 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_",
			rune(rest[0])) {
			return true
		}
	}
}

// request is a call as plain text: a form without its escapes, the path of S3.
func request(c *proxy.Call) []byte {
	if c.Form != nil {
		text, err := url.QueryUnescape(string(c.Body))
		if err == nil {
			return []byte(text)
		}
	}
	if c.Service == "s3" {
		return []byte(c.Resource)
	}
	return c.Body
}

// Class is one kind of objects.
type Class struct {
	Made    string         // the operation that makes one
	Asked   bool           // ID is found in the request, else in the answer
	ID      *regexp.Regexp // finds the name that later calls use
	Unknown []Ignorance
}

// Ignorance is a service's error for an object that it does not know yet. "ID" in the message is the object's.
type Ignorance struct {
	Operations []string
	When       string // what the request must also contain; "": nothing
	Status     int    // 400 when 0
	Code       string // "": no error but an empty list called Message
	Message    string
}
