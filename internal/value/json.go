package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// ErrSensitive is the reason why a tree with secrets cannot be stored.
var ErrSensitive = errors.New("value: a sensitive value is never stored")

// Keys of the JSON form that are not data. User keys that begin with $ get another $ in front.
const (
	jsonExpression = "$expression"
	jsonUnknown    = "$unknown"
	jsonLoose      = "$loose"
	jsonSource     = "$source"
	jsonValue      = "$value"
)

// MarshalJSON stores a tree: data as itself, an expression as {"$expression": …}, Unknown as {"$unknown": true}, the
// text of a variable as {"$loose": …}, a number that was written in another way as {"$source": "1.10", "$value": 1.1}.
// It refuses trees with sensitive places.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.sensitive {
		return nil, ErrSensitive
	}
	switch v.kind {
	case String:
		if v.loose {
			return json.Marshal(map[string]any{jsonLoose: v.data})
		}
	case Number, Bool:
		if plain, err := json.Marshal(v.data); err != nil || v.source != "" && v.source != string(plain) {
			return json.Marshal(map[string]any{jsonSource: v.source, jsonValue: v.data})
		}
	case Null:
		return []byte("null"), nil
	case Unknown:
		return []byte(`{"` + jsonUnknown + `":true}`), nil
	case Deferred:
		return json.Marshal(map[string]*Expression{jsonExpression: v.Expression()})
	case Map:
		escaped := make(map[string]Value, len(v.Entries()))
		for key, item := range v.Entries() {
			if strings.HasPrefix(key, "$") {
				key = "$" + key
			}
			escaped[key] = item
		}
		return json.Marshal(escaped)
	}
	return json.Marshal(v.data)
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (v *Value) UnmarshalJSON(data []byte) error {
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) > 0 && trimmed[0] == '{':
		var raw map[string]json.RawMessage
		if err := json.Unmarshal(data, &raw); err != nil {
			return err
		}
		if expression, ok := raw[jsonExpression]; ok {
			var e Expression
			if err := json.Unmarshal(expression, &e); err != nil {
				return err
			}
			if err := e.complete(); err != nil {
				return err
			}
			*v = NewDeferred(e)
			return nil
		}
		if _, ok := raw[jsonUnknown]; ok {
			*v = NewUnknown()
			return nil
		}
		if loose, ok := raw[jsonLoose]; ok {
			var text string
			err := json.Unmarshal(loose, &text)
			*v = NewLoose(text)
			return err
		}
		if source, ok := raw[jsonSource]; ok {
			var text string
			if err := errors.Join(json.Unmarshal(source, &text), json.Unmarshal(raw[jsonValue], v)); err != nil {
				return err
			}
			*v = v.WithSource(text)
			return nil
		}
		entries := make(map[string]Value, len(raw))
		for key, item := range raw {
			var entry Value
			if err := json.Unmarshal(item, &entry); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			entries[strings.TrimPrefix(key, "$")] = entry
		}
		*v = NewMap(entries)
		return nil
	case len(trimmed) > 0 && trimmed[0] == '[':
		items := []Value{}
		if err := json.Unmarshal(data, &items); err != nil {
			return err
		}
		*v = NewList(items...)
		return nil
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		return err
	}
	from, err := From(plain)
	*v = from
	return err
}

// complete reports an expression that Resolve cannot compute: a stored one may have been changed.
func (e *Expression) complete() error {
	whole := true
	switch e.Op {
	case OpReference:
		whole = e.Ref.Target != "" && e.Ref.Output != ""
	case OpTemplate:
		whole = len(e.Names) == len(e.Args)
	case OpJSON, OpSelect:
		whole = len(e.Args) == 1
	case OpAfter:
		whole = len(e.Args) > 0
	case "":
		whole = false
	}
	if !whole {
		return fmt.Errorf("the expression %q is not complete", e.Op)
	}
	return nil
}
