// Package tagging computes the AWS tags of all taggable resource types.
//
// In: the tags that the engine gives every call (ownership and users' own) and a type's Tags property (users' own).
// Out: the tags an object should have, the tags that users see, and the differences for each call. It must not know an
// SDK type: each service has its own for tags.
//
// The rule for every taggable type: Create sends Wanted with the create call. Read reports Seen. Update calls Retag,
// which always sends Wanted again. That costs one call per changed object, and restores ownership tags that somebody
// removed.
package tagging

import (
	"maps"
	"slices"
	"strings"
)

// Wanted returns the tags that the object should have: the call's tags, and the users' own of the Tags property.
func Wanted(call, user map[string]string) map[string]string {
	out := maps.Clone(call)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, user)
	return out
}

// User returns the tags that users gave: all except the ownership tags and AWS's own. Nil if there are none.
func User(object map[string]string) map[string]string {
	var out map[string]string
	for key, text := range object {
		if reserved(key) {
			continue
		}
		if out == nil {
			out = map[string]string{}
		}
		out[key] = text
	}
	return out
}

func reserved(key string) bool {
	return strings.HasPrefix(key, "deployer:") || strings.HasPrefix(key, "aws:")
}

// Removed returns the keys of old, users' tags as recorded, that are no longer wanted, sorted.
func Removed(old, wanted map[string]string) []string {
	var out []string
	for _, key := range Keys(old) {
		if _, stays := wanted[key]; !stays && !reserved(key) {
			out = append(out, key)
		}
	}
	return out
}

// Keys returns the keys of tags, sorted, so that requests are always the same.
func Keys(tags map[string]string) []string { return slices.Sorted(maps.Keys(tags)) }

// limit is how many tags AWS allows on an object in addition to its own: the same in all services.
const limit = 50

// Retag changes the tags of an object from old, users' tags as recorded, to wanted. It adds before it removes, so that
// the object never lacks a tag that policies use, unless old and new tags together exceed AWS's limit.
func Retag(old, wanted map[string]string, add func(map[string]string) error, remove func(keys []string) error) error {
	gone := Removed(old, wanted)
	if len(gone) == 0 {
		return add(wanted)
	}
	if len(wanted)+len(gone) > limit {
		if err := remove(gone); err != nil {
			return err
		}
		return add(wanted)
	}
	if err := add(wanted); err != nil {
		return err
	}
	return remove(gone)
}

// List converts tags to a service's own tag type, sorted by key. fields points to key and value of such a tag, or
// attribute.
func List[T any](tags map[string]string, fields func(*T) (key, text **string)) []T {
	out := make([]T, len(tags))
	for i, name := range Keys(tags) {
		key, text := fields(&out[i])
		*key, *text = &name, new(tags[name])
	}
	return out
}

// Map converts a service's own tags to a map.
func Map[T any](tags []T, fields func(*T) (key, text **string)) map[string]string {
	out := make(map[string]string, len(tags))
	for i := range tags {
		if key, text := fields(&tags[i]); *key != nil {
			out[**key] = ""
			if *text != nil {
				out[**key] = **text
			}
		}
	}
	return out
}
