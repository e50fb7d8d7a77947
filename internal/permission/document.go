package permission

import (
	"encoding/json"

	"github.com/company/deployer/internal/resource"
)

// The most characters that IAM accepts, without white space.
const (
	ManagedLimit = 6144  // for a managed policy
	InlineLimit  = 10240 // for all inline policies of a role together
)

// Document is an IAM policy document.
type Document struct {
	Version   string
	Statement []Statement
}

// Statement is one statement of a document, in the order of fields that people write.
type Statement struct {
	Effect    string
	Action    list
	Resource  list
	Condition map[string]map[string]list `json:",omitempty"`
}

// list is a JSON list as IAM writes it: a single item without brackets.
type list []string

// MarshalJSON implements json.Marshaler.
func (l list) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// Whole returns the one policy that allows the statements and nothing else, whatever its length. It is ordered by
// service, unless only another order is short enough for IAM.
func Whole(statements []resource.Statement) Document {
	const unlimited = 1 << 30
	joined := Join(statements)
	readable, short := pack(Merge(joined, false), unlimited)[0], pack(Merge(joined, true), unlimited)[0]
	for _, limit := range []int{ManagedLimit, InlineLimit} {
		if readable.Length() > limit && short.Length() <= limit {
			return short
		}
	}
	return readable
}

// Parts returns managed policies that together allow the same as Whole: as few as IAM's limit allows. They are ordered
// by service if that needs no further policy.
func Parts(statements []resource.Statement) []Document {
	joined := Join(statements)
	readable, short := pack(Merge(joined, false), ManagedLimit), pack(Merge(joined, true), ManagedLimit)
	if len(short) < len(readable) {
		return short
	}
	return readable
}

// Length is the number of characters that IAM counts.
func (d Document) Length() int { return length(d) }

func pack(statements []resource.Statement, limit int) []Document {
	const frame = len(`{"Version":"2012-10-17","Statement":[]}`)
	out := []Document{{Version: "2012-10-17", Statement: []Statement{}}}
	size := frame
	for _, s := range statements {
		for _, part := range fit(allow(s), limit-frame) {
			length := length(part) + 1 // one more for a comma
			if last := &out[len(out)-1]; size+length <= limit {
				last.Statement = append(last.Statement, part)
				size += length
				continue
			}
			out = append(out, Document{Version: "2012-10-17", Statement: []Statement{part}})
			size = frame + length
		}
	}
	return out
}

func allow(s resource.Statement) Statement {
	on := s.On
	if len(on) == 0 {
		on = []string{"*"}
	}
	out := Statement{Effect: "Allow", Action: s.Actions, Resource: on}
	for operator, test := range s.When {
		for key, values := range test {
			if out.Condition == nil {
				out.Condition = map[string]map[string]list{}
			}
			if out.Condition[operator] == nil {
				out.Condition[operator] = map[string]list{}
			}
			out.Condition[operator][key] = values
		}
	}
	return out
}

// fit splits a statement that is too long for one document.
func fit(s Statement, room int) []Statement {
	half := len(s.Action) / 2
	if length(s) < room || half == 0 {
		return []Statement{s}
	}
	first, second := s, s
	first.Action, second.Action = s.Action[:half], s.Action[half:]
	return append(fit(first, room), fit(second, room)...)
}

func length(v any) int {
	text, _ := json.Marshal(v) // strings always marshal
	return len(text)
}
