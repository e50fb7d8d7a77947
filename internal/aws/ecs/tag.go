package ecs

import (
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// tagList is sorted, so that equal requests are equal bytes.
func tagList(tags map[string]string) []types.Tag {
	var list []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

func tagMap(list []types.Tag) map[string]string {
	tags := make(map[string]string, len(list))
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// inOrder returns actual in the order of recorded when both hold the same items: AWS keeps sets where we have lists.
func inOrder(actual, recorded []string) []string {
	a, b := slices.Clone(actual), slices.Clone(recorded)
	slices.Sort(a)
	slices.Sort(b)
	if slices.Equal(a, b) {
		return recorded
	}
	return actual
}

// optional is nil for the zero value, which AWS often refuses where it takes an absent one.
func optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
