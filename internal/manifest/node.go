package manifest

import (
	"strconv"

	"github.com/company/deployer/internal/value"
)

// node is one value of a document with its place. Nodes never change after creation, so documents may share them.
type node struct {
	kind    value.Kind // Null, Bool, Number, String, List or Map
	text    string     // of a string; how a number or boolean is written
	number  float64
	boolean bool
	entries []entry // of a map, in the order of the file
	items   []*node // of a list
	deleted []entry // of a map: the nulls that prune removed, for the places of problems
	at      span
	size    int // this node and all below it
	height  int // levels, this one included
}

// entry is one key of a map with its value.
type entry struct {
	key   string
	at    span // of the key
	value *node
}

func newMap(where span, entries []entry) *node {
	n := &node{kind: value.Map, entries: entries, at: where, size: 1, height: 1}
	for _, e := range entries {
		n.count(e.value)
	}
	return n
}

func newList(where span, items []*node) *node {
	n := &node{kind: value.List, items: items, at: where, size: 1, height: 1}
	for _, item := range items {
		n.count(item)
	}
	return n
}

func (n *node) count(child *node) {
	n.size = min(n.size+child.size, 1<<30)
	n.height = max(n.height, child.height+1)
}

// get returns the entry of a map, nil when there is none.
func (n *node) get(key string) *entry {
	if n == nil {
		return nil
	}
	for i := range n.entries {
		if n.entries[i].key == key {
			return &n.entries[i]
		}
	}
	return nil
}

// child returns the value at a key of a map, nil when there is none.
func (n *node) child(key string) *node {
	if e := n.get(key); e != nil {
		return e.value
	}
	return nil
}

// deletion returns the null that deleted a key of a map, nil when there was none.
func (n *node) deletion(key string) *entry {
	if n == nil {
		return nil
	}
	for i := range n.deleted {
		if n.deleted[i].key == key {
			return &n.deleted[i]
		}
	}
	return nil
}

// scalar reports whether n can be read as text.
func (n *node) scalar() bool {
	return n != nil && (n.kind == value.String || n.kind == value.Number || n.kind == value.Bool)
}

// value converts n without evaluating expressions.
func (n *node) value() value.Value {
	return n.convert(nil, func(leaf *node, _ []string) value.Value { return value.NewString(leaf.text) })
}

// convert turns n into a value; text gives the value of a string, at a path below n.
func (n *node) convert(path []string, text func(leaf *node, path []string) value.Value) value.Value {
	if n == nil {
		return value.NullValue
	}
	switch n.kind {
	case value.Bool:
		return value.NewBool(n.boolean).WithSource(n.text)
	case value.Number:
		return value.NewNumber(n.number).WithSource(n.text)
	case value.String:
		return text(n, path)
	case value.List:
		items := make([]value.Value, len(n.items))
		for i, item := range n.items {
			items[i] = item.convert(append(path[:len(path):len(path)], strconv.Itoa(i)), text)
		}
		return value.NewList(items...)
	case value.Map:
		entries := make(map[string]value.Value, len(n.entries))
		for _, e := range n.entries {
			entries[e.key] = e.value.convert(append(path[:len(path):len(path)], e.key), text)
		}
		return value.NewMap(entries)
	}
	return value.NullValue
}

// locate walks along path as far as the tree goes, and returns the place of the last entry: its key and its value.
func (n *node) locate(path []string) (key, val span) {
	key, val = n.at, n.at
	for _, step := range path {
		switch n.kind {
		case value.Map:
			e := n.get(step)
			if e == nil {
				return key, val
			}
			key, val, n = e.at, e.value.at, e.value
		case value.List:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(n.items) {
				return key, val
			}
			n = n.items[i]
			key, val = n.at, n.at
		default:
			return key, val
		}
	}
	return key, val
}

// find returns the node at a path, nil when there is none.
func (n *node) find(path []string) *node {
	for _, step := range path {
		switch {
		case n == nil:
			return nil
		case n.kind == value.Map:
			n = n.child(step)
		case n.kind == value.List:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(n.items) {
				return nil
			}
			n = n.items[i]
		default:
			return nil
		}
	}
	return n
}
