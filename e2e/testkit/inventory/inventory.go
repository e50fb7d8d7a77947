// Package inventory lists what is in an account and region of the emulator, so that two results can be compared.
//
// In: an SDK configuration. Out: one Object for everything that was made there, with all its properties. It leaves out
// objects that AWS makes by itself, the bucket of the states, and ids that differ between runs. It must not know the
// product, except the tag of its lineage, which differs, too.
package inventory

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Object is one object that was made.
type Object struct {
	Kind, Name string
	Facts      string // JSON
}

func (o Object) String() string { return o.Kind + " " + o.Name + " " + o.Facts }

// TaskDefinition is the kind whose only fact is how many revisions are active.
const TaskDefinition = "task definition"

// List returns the objects, sorted, without stateBucket.
func List(ctx context.Context, cfg aws.Config, stateBucket string) ([]Object, error) {
	l := &lister{ctx: ctx, cfg: cfg, stateBucket: stateBucket, names: map[string]string{}}
	for _, list := range []func() error{
		l.network, l.balancers, l.queues, l.buckets, l.roles, l.ecs, l.logs, l.scaling,
		l.discovery,
	} {
		if err := list(); err != nil {
			return nil, fmt.Errorf("inventory: %w", err)
		}
	}
	slices.SortFunc(l.out, func(a, b Object) int { return cmp.Compare(a.String(), b.String()) })
	return l.out, nil
}

type lister struct {
	ctx         context.Context
	cfg         aws.Config
	stateBucket string
	names       map[string]string // of objects that AWS gives ids
	out         []Object
}

// add records an object. Facts are marshaled, which sorts maps, and their ids become names.
func (l *lister) add(kind, name string, facts ...any) error {
	text, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	l.out = append(l.out, Object{kind, l.named(name), l.named(string(text))})
	return nil
}

// named replaces ids by names.
func (l *lister) named(text string) string {
	// an ARN before the id at its end
	ids := slices.SortedFunc(maps.Keys(l.names), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, id := range ids {
		text = strings.ReplaceAll(text, id, "<"+l.names[id]+">")
	}
	return text
}

// tags are the tags that do not differ between runs.
func tags(all map[string]string) map[string]string {
	out := maps.Clone(all)
	delete(out, "deployer:lineage")
	return out
}

// last is the text after the last separator.
func last(text, separator string) string { return text[strings.LastIndex(text, separator)+1:] }
