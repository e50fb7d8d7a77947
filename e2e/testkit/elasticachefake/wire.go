package elasticachefake

import (
	"encoding/xml"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go/middleware"
)

// items are the names of a list's elements, by the name of the list, where these are not "member".
var items = map[string]string{
	"CacheClusters": "CacheCluster", "CacheNodes": "CacheNode", "CacheParameterGroups": "CacheParameterGroup",
	"CacheSubnetGroups": "CacheSubnetGroup", "LogDeliveryConfigurations": "LogDeliveryConfiguration",
	"MemberClusters": "ClusterId", "NodeGroupMembers": "NodeGroupMember", "NodeGroups": "NodeGroup",
	"Parameters": "Parameter", "ReplicationGroups": "ReplicationGroup", "SecurityGroupIds": "SecurityGroupId",
	"Snapshots": "Snapshot", "SubnetIds": "SubnetId", "Subnets": "Subnet", "TagList": "Tag",
	"CacheNodeIdsToReboot": "CacheNodeId",
}

// document is the answer of an operation. out is an output or a type of the SDK, whose fields have AWS's names; nil:
// the operation answers nothing.
func document(operation string, out any) string {
	var b strings.Builder
	b.WriteString(`<` + operation + `Response xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/">`)
	b.WriteString("<" + operation + "Result>")
	if out != nil {
		write(&b, reflect.ValueOf(out))
	}
	b.WriteString("</" + operation + "Result><ResponseMetadata><RequestId>fake</RequestId></ResponseMetadata></" +
		operation + "Response>")
	return b.String()
}

// write writes the fields of a struct as elements.
func write(b *strings.Builder, v reflect.Value) {
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() && field.Type != reflect.TypeFor[middleware.Metadata]() {
			element(b, field.Name, v.Field(i))
		}
	}
}

func element(b *strings.Builder, name string, v reflect.Value) {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Slice {
		if v.IsNil() {
			return
		}
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() == reflect.String && v.Len() == 0 && v.Type() != reflect.TypeFor[string]() {
		return // an enum that is not set
	}
	b.WriteString("<" + name + ">")
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		b.WriteString(v.Interface().(time.Time).Format(time.RFC3339))
	case v.Kind() == reflect.Struct:
		write(b, v)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			element(b, first(items[name], "member"), v.Index(i))
		}
	default:
		_ = xml.EscapeText(b, []byte(fmt.Sprint(v.Interface()))) // a strings.Builder does not fail
	}
	b.WriteString("</" + name + ">")
}

// text is a parameter; "" without one.
func (c *call) text(name string) string { return c.Form.Get(name) }

// optional is a parameter; nil without one.
func (c *call) optional(name string) *string {
	if !c.Form.Has(name) {
		return nil
	}
	return new(c.Form.Get(name))
}

// yes is a boolean parameter, or its default.
func (c *call) yes(name string, unset bool) bool {
	if !c.Form.Has(name) {
		return unset
	}
	return c.Form.Get(name) == "true"
}

// number is a whole number, or its default.
func (c *call) number(name string, unset int32) int32 {
	n, err := strconv.ParseInt(c.Form.Get(name), 10, 32)
	if err != nil {
		return unset
	}
	return int32(n)
}

// list is a list of texts, whatever its elements are called.
func (c *call) list(name string) []string {
	var out []string
	for _, item := range c.structs(name) {
		out = append(out, item[""])
	}
	return out
}

// structs is a list of structures, each as its parameters.
func (c *call) structs(name string) []map[string]string {
	found := map[int]map[string]string{}
	for key := range c.Form {
		rest, ok := strings.CutPrefix(key, name+".")
		if !ok {
			continue
		}
		parts := strings.SplitN(rest, ".", 3) // the name of the element, its number, its member
		n, err := strconv.Atoi(parts[min(1, len(parts)-1)])
		if err != nil {
			continue
		}
		member := ""
		if len(parts) == 3 {
			member = parts[2]
		}
		if found[n] == nil {
			found[n] = map[string]string{}
		}
		found[n][member] = c.Form.Get(key)
	}
	var out []map[string]string
	for _, n := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[n])
	}
	return out
}

// all returns the values of a map in the order of their keys, or the one that is asked for.
func all[T any](of map[string]*T, asked string, absent func() error) ([]*T, error) {
	if asked != "" {
		one := of[lower(asked)]
		if one == nil {
			return nil, absent()
		}
		return []*T{one}, nil
	}
	var out []*T
	for _, name := range slices.Sorted(maps.Keys(of)) {
		out = append(out, of[name])
	}
	return out, nil
}
