package manifest

import "github.com/company/deployer/internal/value"

// merge merges over into base: maps merge, lists of objects with a name merge by name, everything else replaces, null
// deletes. Each value keeps the place where it was written. Neither argument is changed.
func merge(base, over *node) *node {
	switch {
	case over == nil:
		return base
	case base == nil:
		return over
	case base.kind == value.Map && over.kind == value.Map:
		return mergeMaps(base, over)
	case base.kind == value.List && over.kind == value.List:
		if mergeable(base) && mergeable(over) {
			return mergeNamed(base, over)
		}
	}
	return over
}

func mergeMaps(base, over *node) *node {
	entries := make([]entry, 0, len(base.entries)+len(over.entries))
	index := make(map[string]int, len(base.entries))
	for _, e := range base.entries {
		index[e.key] = len(entries)
		entries = append(entries, e)
	}
	for _, e := range over.entries {
		i, given := index[e.key]
		if !given {
			entries = append(entries, e)
			continue
		}
		merged := merge(entries[i].value, e.value)
		if merged == e.value {
			entries[i].at = e.at // replaced: the overlay's key is the place that counts
		}
		entries[i].value = merged
	}
	return newMap(base.at, entries)
}

// mergeable reports whether every item is a map with a distinct name.
func mergeable(list *node) bool {
	seen := make(map[string]bool, len(list.items))
	for _, item := range list.items {
		name := item.child("name")
		if item.kind != value.Map || !name.scalar() || seen[name.text] {
			return false
		}
		seen[name.text] = true
	}
	return len(list.items) > 0
}

func mergeNamed(base, over *node) *node {
	items := append([]*node(nil), base.items...)
	index := make(map[string]int, len(items))
	for i, item := range items {
		index[item.child("name").text] = i
	}
	for _, item := range over.items {
		if i, ok := index[item.child("name").text]; ok {
			items[i] = merge(items[i], item)
		} else {
			items = append(items, item)
		}
	}
	return newList(base.at, items)
}

// prune removes the nulls from maps, once they have nothing left to delete. It keeps their places.
func prune(n *node) *node {
	if n == nil || n.kind != value.Map && n.kind != value.List {
		return n
	}
	changed := false
	entries := make([]entry, 0, len(n.entries))
	var deleted []entry
	for _, e := range n.entries {
		if e.value.kind == value.Null {
			changed = true
			deleted = append(deleted, e)
			continue
		}
		pruned := prune(e.value)
		changed = changed || pruned != e.value
		entries = append(entries, entry{key: e.key, at: e.at, value: pruned})
	}
	items := make([]*node, len(n.items))
	for i, item := range n.items {
		items[i] = prune(item)
		changed = changed || items[i] != item
	}
	switch {
	case !changed:
		return n
	case n.kind == value.Map:
		pruned := newMap(n.at, entries)
		pruned.deleted = deleted
		return pruned
	}
	return newList(n.at, items)
}
