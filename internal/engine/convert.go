package engine

import (
	"strconv"

	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/company/deployer/internal/value"
)

// toProperty converts to Pulumi's model. Null entries of maps are left out, at every depth, so that an absent property
// and a null one never differ.
func toProperty(v value.Value) sdk.PropertyValue {
	switch v.Kind() {
	case value.Bool:
		return sdk.PropertyValue{V: v.Bool()}
	case value.Number:
		return sdk.PropertyValue{V: v.Number()}
	case value.String:
		return sdk.PropertyValue{V: v.Str()}
	case value.List:
		items := make([]sdk.PropertyValue, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = toProperty(item)
		}
		return sdk.PropertyValue{V: items}
	case value.Map:
		return sdk.PropertyValue{V: properties(v)}
	case value.Unknown, value.Deferred:
		return sdk.MakeComputed(sdk.PropertyValue{V: ""})
	}
	return sdk.PropertyValue{}
}

// properties converts a Map.
func properties(v value.Value) sdk.PropertyMap {
	m := make(sdk.PropertyMap, len(v.Entries()))
	for key, item := range v.Entries() {
		if !item.IsNull() {
			m[sdk.PropertyKey(key)] = toProperty(item)
		}
	}
	return m
}

// fromProperty converts from Pulumi's model.
func fromProperty(p sdk.PropertyValue) value.Value {
	switch x := p.V.(type) {
	case bool:
		return value.NewBool(x)
	case float64:
		return value.NewNumber(x)
	case string:
		return value.NewString(x)
	case []sdk.PropertyValue:
		items := make([]value.Value, len(x))
		for i, item := range x {
			items[i] = fromProperty(item)
		}
		return value.NewList(items...)
	case sdk.PropertyMap:
		return fromProperties(x)
	case sdk.Computed, sdk.Output:
		return value.NewUnknown()
	case *sdk.Secret:
		return fromProperty(x.Element).Sensitive()
	}
	return value.NullValue
}

// fromProperties converts a map, without the keys that are reserved for the engine.
func fromProperties(p sdk.PropertyMap) value.Value {
	m := make(map[string]value.Value, len(p))
	for key, item := range p {
		if key != versionKey {
			m[string(key)] = fromProperty(item)
		}
	}
	return value.NewMap(m)
}

// plain converts what a state may hold (no unknowns, no secrets) to data for JSON.
func plain(p sdk.PropertyValue) any {
	switch x := p.V.(type) {
	case []sdk.PropertyValue:
		items := make([]any, len(x))
		for i, item := range x {
			items[i] = plain(item)
		}
		return items
	case sdk.PropertyMap:
		return plainMap(x)
	case bool, float64, string:
		return x
	}
	return nil
}

func plainMap(p sdk.PropertyMap) map[string]any {
	if len(p) == 0 {
		return nil
	}
	m := make(map[string]any, len(p))
	for key, item := range p {
		m[string(key)] = plain(item)
	}
	return m
}

// known reports whether a tree is data throughout.
func known(v value.Value) bool {
	switch v.Kind() {
	case value.Unknown, value.Deferred:
		return false
	case value.List:
		for _, item := range v.Items() {
			if !known(item) {
				return false
			}
		}
	case value.Map:
		for _, item := range v.Entries() {
			if !known(item) {
				return false
			}
		}
	}
	return true
}

// sensitiveAt returns the path of a sensitive value, nil when there is none.
func sensitiveAt(v value.Value) []string {
	if v.IsSensitive() {
		return []string{}
	}
	for i, item := range v.Items() {
		if path := sensitiveAt(item); path != nil {
			return append([]string{strconv.Itoa(i)}, path...)
		}
	}
	for key, item := range v.Entries() {
		if path := sensitiveAt(item); path != nil {
			return append([]string{key}, path...)
		}
	}
	return nil
}
