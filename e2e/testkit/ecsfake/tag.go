package ecsfake

import (
	"slices"
	"strings"
)

func (f *Fake) tagResource(c *call) (any, error) {
	var in struct {
		ResourceArn string `json:"resourceArn"`
		Tags        []tag  `json:"tags"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	tags, err := f.tagsOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	for _, set := range in.Tags {
		*tags = append(slices.DeleteFunc(*tags, func(t tag) bool { return t.Key == set.Key }), set)
	}
	return f.shadowTags(c, in.ResourceArn)
}

func (f *Fake) untagResource(c *call) (any, error) {
	var in struct {
		ResourceArn string   `json:"resourceArn"`
		TagKeys     []string `json:"tagKeys"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	tags, err := f.tagsOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	*tags = slices.DeleteFunc(*tags, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) })
	return f.shadowTags(c, in.ResourceArn)
}

func (f *Fake) listTags(c *call) (any, error) {
	var in struct {
		ResourceArn string `json:"resourceArn"`
	}
	if err := bind(c, &in); err != nil {
		return nil, err
	}
	tags, err := f.tagsOf(in.ResourceArn)
	if err != nil {
		return nil, err
	}
	return map[string]any{"tags": orEmpty(*tags)}, nil
}

// tagsOf declines clusters and task definitions, whose tags the emulator has.
func (f *Fake) tagsOf(arn string) (*[]tag, error) {
	if !strings.Contains(arn, ":service/") && !strings.Contains(arn, ":task/") {
		return nil, errDecline
	}
	tags := f.taggable(arn)
	if tags == nil {
		return nil, invalid("The specified resource is inactive or does not exist. Specify an active resource " +
			"and try again.")
	}
	return tags, nil
}

// shadowTags also changes the emulator's copy of a service, for the emulator's tagging API.
func (f *Fake) shadowTags(c *call, arn string) (any, error) {
	if strings.Contains(arn, ":service/") {
		if resp, err := c.Forward(); err != nil || resp.Status >= 300 {
			return resp, err
		}
	}
	return map[string]any{}, nil
}
