package component

import (
	"reflect"

	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/value"
)

// Resource makes a managed resource of this instance from its typed properties. Types that have tags get the users'
// tags. after are IDs of resources that must exist first although no property refers to them.
func (i Instance) Resource(name, typ string, props any, after ...string) *resource.Resource {
	encoded := value.Encode(props)
	if field, ok := reflect.TypeOf(props).FieldByName("Tags"); ok &&
		field.Type == reflect.TypeFor[map[string]string]() && len(i.Tags) > 0 {
		encoded = encoded.With("tags", value.Encode(i.Tags))
	}
	return &resource.Resource{Component: i.Address, Name: name, Type: typ, Props: encoded, After: after}
}

// Data is a lookup in AWS for this instance.
func (i Instance) Data(name, lookup string, props any) *resource.Resource {
	return &resource.Resource{Component: i.Address, Name: name, Type: lookup, Props: value.Encode(props), Data: true}
}

// Statements renders statements as an IAM policy document, at once if they are known, otherwise later.
func Statements(statements ...Statement) value.Value {
	items := make([]value.Value, len(statements))
	for n, s := range statements {
		m := map[string]value.Value{
			"Effect": value.NewString("Allow"), "Action": value.Strings(s.Actions...),
			"Resource": value.NewList(s.Resources...),
		}
		if s.Sid != "" {
			m["Sid"] = value.NewString(s.Sid)
		}
		if len(s.Conditions) > 0 {
			m["Condition"] = value.Encode(s.Conditions)
		}
		items[n] = value.NewMap(m)
	}
	return value.NewMap(map[string]value.Value{
		"Version": value.NewString("2012-10-17"), "Statement": value.NewList(items...),
	})
}
