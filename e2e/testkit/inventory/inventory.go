// Package inventory lists what is in an account and region of the emulator, so that two results can be compared.
//
// In: an SDK configuration, and one Source per service. Out: one Object for everything that was made there, with all
// its properties. The sources leave out objects that AWS makes by itself, the bucket of the states, and ids that differ
// between runs. It must not know the services or the product, except the tag of its lineage, which differs, too.
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

// Task is the kind of tasks without a service, by family and command. Their only fact is how many there were.
const Task = "task"

// Source lists the objects of one service.
type Source struct {
	// Names gives names to ids (Lister.Name); nil when AWS generates none. The Names of all sources run before the
	// first List, so that objects can refer to those of every other service.
	Names func(*Lister) error
	// List adds the objects.
	List func(*Lister) error
}

// List returns the objects, sorted, without stateBucket.
func List(ctx context.Context, cfg aws.Config, stateBucket string, sources []Source) ([]Object, error) {
	l := &Lister{Context: ctx, Config: cfg, StateBucket: stateBucket, names: map[string]string{}}
	for _, s := range sources {
		if s.Names != nil {
			if err := s.Names(l); err != nil {
				return nil, fmt.Errorf("inventory: %w", err)
			}
		}
	}
	for _, s := range sources {
		if s.List != nil {
			if err := s.List(l); err != nil {
				return nil, fmt.Errorf("inventory: %w", err)
			}
		}
	}
	slices.SortFunc(l.out, func(a, b Object) int { return cmp.Compare(a.String(), b.String()) })
	return l.out, nil
}

// Lister collects the objects of one List.
type Lister struct {
	context.Context
	Config      aws.Config
	StateBucket string

	names map[string]string // of objects that AWS gives ids
	out   []Object
}

// Name gives a name to an id.
func (l *Lister) Name(id, name string) { l.names[id] = name }

// Add records an object. Facts are marshaled, which sorts maps, and their ids become names.
func (l *Lister) Add(kind, name string, facts ...any) error {
	text, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	l.out = append(l.out, Object{kind, l.Named(name), l.Named(string(text))})
	return nil
}

// Named replaces ids by names.
func (l *Lister) Named(text string) string {
	// an ARN before the id at its end
	ids := slices.SortedFunc(maps.Keys(l.names), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	for _, id := range ids {
		text = strings.ReplaceAll(text, id, "<"+l.names[id]+">")
	}
	return text
}

// Tags are the tags that do not differ between runs.
func Tags(all map[string]string) map[string]string {
	out := maps.Clone(all)
	delete(out, "deployer:lineage")
	return out
}

// Last is the text after the last separator.
func Last(text, separator string) string { return text[strings.LastIndex(text, separator)+1:] }
