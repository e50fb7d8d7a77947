// Package policy brings IAM policy documents into one canonical form, so that a document compares equal to itself
// after AWS has stored it.
//
// In: a document as a value tree or as JSON text, percent-encoded or not. Out: a value tree, or the JSON text to send.
// It must not call AWS, or judge what a policy allows.
package policy

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/company/deployer/internal/value"
)

// Canonical returns the document with a sorted list without repeats wherever a single item or a list is allowed, and
// with condition values as text: AWS treats both forms alike. A document that is JSON text is parsed first. Unknown
// values stay as they are.
func Canonical(doc value.Value) (value.Value, error) {
	if doc.Kind() == value.String {
		parsed, err := Parse(doc.Str())
		if err != nil {
			return doc, err
		}
		doc = parsed
	}
	if doc.Kind() != value.Map {
		if doc.IsNull() || !doc.Known() {
			return doc, nil
		}
		return doc, fmt.Errorf("a policy document is a map with Version and Statement, not a %s", doc.Kind())
	}
	statements := list(doc.Get("Statement"))
	if statements.Kind() != value.List {
		return doc, nil
	}
	out := make([]value.Value, len(statements.Items()))
	for i, s := range statements.Items() {
		out[i] = statement(s)
	}
	return doc.With("Statement", value.NewList(out...)), nil
}

func statement(s value.Value) value.Value {
	if s.Kind() != value.Map {
		return s
	}
	for _, key := range []string{"Action", "NotAction", "Resource", "NotResource"} {
		if item, given := s.Entries()[key]; given {
			s = s.With(key, sorted(item))
		}
	}
	for _, key := range []string{"Principal", "NotPrincipal"} {
		if principal := s.Get(key); principal.Kind() == value.Map {
			for _, kind := range principal.Keys() {
				principal = principal.With(kind, sorted(principal.Get(kind)))
			}
			s = s.With(key, principal)
		}
	}
	if condition := s.Get("Condition"); condition.Kind() == value.Map {
		for _, operator := range condition.Keys() {
			test := condition.Get(operator)
			for _, key := range test.Keys() {
				test = test.With(key, sorted(test.Get(key)))
			}
			condition = condition.With(operator, test)
		}
		s = s.With("Condition", condition)
	}
	return s
}

func list(v value.Value) value.Value {
	if v.Kind() == value.List || v.Kind() == value.Unknown || v.IsNull() {
		return v
	}
	return value.NewList(v)
}

// sorted returns scalars as a sorted list of texts; a list with an unknown item keeps its order.
func sorted(v value.Value) value.Value {
	v = list(v)
	if v.Kind() != value.List || !v.Known() {
		return v
	}
	texts := make([]string, 0, len(v.Items()))
	for _, item := range v.Items() {
		text, scalar := item.Text()
		if !scalar {
			return v
		}
		texts = append(texts, text)
	}
	slices.Sort(texts)
	return value.Strings(slices.Compact(texts)...)
}

// Parse reads a document as AWS returns it: JSON, which IAM percent-encodes.
func Parse(text string) (value.Value, error) {
	if strings.HasPrefix(text, "%") {
		decoded, err := url.PathUnescape(text)
		if err != nil {
			return value.NullValue, fmt.Errorf("policy document: %w", err)
		}
		text = decoded
	}
	var data any
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		return value.NullValue, fmt.Errorf("policy document is not JSON: %w", err)
	}
	return value.From(data)
}

// Read parses what AWS returned and brings it into canonical form. If it differs from recorded only in ways that mean
// nothing to AWS, Read returns recorded. Some services return statements in their own order, and an account as its
// number or as the ARN of its root.
func Read(text string, recorded value.Value) (value.Value, error) {
	if text == "" {
		return value.NullValue, nil
	}
	doc, err := Canonical(value.NewString(text))
	if err == nil && meaning(doc) == meaning(recorded) {
		doc = recorded
	}
	return doc, err
}

var root = regexp.MustCompile(`^arn:[^:]+:iam::([0-9]{12}):root$`)

// meaning is a text that is equal for two canonical documents that mean the same to AWS. It ignores the order of
// statements: other services keep that order, and the order changes nothing that a document allows.
func meaning(doc value.Value) string {
	var statements []string
	for _, s := range doc.Get("Statement").Items() {
		for _, key := range []string{"Principal", "NotPrincipal"} {
			accounts := s.Get(key).Get("AWS")
			if accounts.Kind() != value.List {
				continue
			}
			var texts []string
			for _, account := range accounts.Items() {
				text, _ := account.Text()
				texts = append(texts, root.ReplaceAllString(text, "$1"))
			}
			s = s.With(key, s.Get(key).With("AWS", sorted(value.Strings(texts...))))
		}
		statements = append(statements, s.String())
	}
	slices.Sort(statements)
	return doc.With("Statement", value.Strings(statements...)).String()
}

// Text renders a known document as the JSON to send.
func Text(doc value.Value) (string, error) {
	doc, err := Canonical(doc)
	if err != nil {
		return "", err
	}
	if !doc.Known() {
		return "", fmt.Errorf("the policy document is not known yet")
	}
	out, err := json.Marshal(doc.Interface())
	return string(out), err
}

// Check is Canonical for the checks of resource types: it replaces *doc and reports errors under the property's name.
func Check(name string, doc *value.Value) []value.Problem {
	out, err := Canonical(*doc)
	if err != nil {
		return []value.Problem{{Kind: value.BadValue, Path: []string{name}, Message: err.Error()}}
	}
	if out.IsNull() {
		return []value.Problem{{Kind: value.MissingKey, Path: []string{name}, Message: "a policy document is required"}}
	}
	*doc = out
	return nil
}
