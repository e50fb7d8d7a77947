package fakeaws

import (
	"fmt"
	"math/big"
	"reflect"
	"regexp"
	"strings"
)

// evaluator runs the condition and update expressions that the lock uses: comparisons, attribute_exists,
// attribute_not_exists, AND, OR and parentheses; SET, ADD and REMOVE with plain values.
type evaluator struct {
	names  map[string]string
	values map[string]any
	tokens []string
	item   item
}

var token = regexp.MustCompile(`[(),]|<>|<=|>=|[=<>]|[#:]?[A-Za-z_][A-Za-z0-9_]*`)

func (e *evaluator) condition(expression string, on item) (bool, error) {
	e.tokens, e.item = token.FindAllString(expression, -1), on
	met, err := e.or()
	if err == nil && len(e.tokens) > 0 {
		err = fmt.Errorf("unexpected %q in %q", e.tokens[0], expression)
	}
	return met, err
}

func (e *evaluator) peek() string {
	if len(e.tokens) == 0 {
		return ""
	}
	return e.tokens[0]
}

func (e *evaluator) next() string {
	t := e.peek()
	if t != "" {
		e.tokens = e.tokens[1:]
	}
	return t
}

func (e *evaluator) or() (bool, error) {
	met, err := e.and()
	for err == nil && e.peek() == "OR" {
		e.next()
		var other bool
		other, err = e.and()
		met = met || other
	}
	return met, err
}

func (e *evaluator) and() (bool, error) {
	met, err := e.term()
	for err == nil && e.peek() == "AND" {
		e.next()
		var other bool
		other, err = e.term()
		met = met && other
	}
	return met, err
}

func (e *evaluator) term() (bool, error) {
	switch t := e.next(); t {
	case "(":
		met, err := e.or()
		if closing := e.next(); err == nil && closing != ")" {
			err = fmt.Errorf("expected ), got %q", closing)
		}
		return met, err
	case "attribute_exists", "attribute_not_exists":
		e.next()
		_, exists := e.item[e.name(e.next())]
		e.next()
		return exists == (t == "attribute_exists"), nil
	default:
		left, leftOK := e.item[e.name(t)]
		operator := e.next()
		right, ok := e.values[e.next()]
		if !ok {
			return false, fmt.Errorf("unknown value after %s %s", t, operator)
		}
		return leftOK && compare(left, operator, right), nil
	}
}

func (e *evaluator) name(t string) string {
	if name, ok := e.names[t]; ok {
		return name
	}
	return t
}

func compare(left any, operator string, right any) bool {
	if operator == "=" {
		return reflect.DeepEqual(left, right)
	}
	a, b := number(left), number(right)
	switch operator {
	case "<":
		return a.Cmp(b) < 0
	case ">":
		return a.Cmp(b) > 0
	case "<=":
		return a.Cmp(b) <= 0
	case ">=":
		return a.Cmp(b) >= 0
	}
	return !reflect.DeepEqual(left, right)
}

func number(v any) *big.Float {
	f, _, err := big.ParseFloat(text(v), 10, 200, big.ToNearestEven)
	if err != nil {
		return new(big.Float)
	}
	return f
}

func (e *evaluator) update(expression string, on item) error {
	e.tokens = token.FindAllString(expression, -1)
	clause := ""
	for e.peek() != "" {
		switch t := e.next(); t {
		case "SET", "ADD", "REMOVE":
			clause = t
		case ",":
		default:
			if err := e.change(clause, e.name(t), on); err != nil {
				return fmt.Errorf("%w in %q", err, expression)
			}
		}
	}
	return nil
}

func (e *evaluator) change(clause, name string, on item) error {
	if clause == "REMOVE" {
		delete(on, name)
		return nil
	}
	if clause == "SET" {
		if t := e.next(); t != "=" {
			return fmt.Errorf("expected =, got %q", t)
		}
	}
	placeholder := e.next()
	v, ok := e.values[placeholder]
	switch {
	case !ok || !strings.HasPrefix(placeholder, ":"):
		return fmt.Errorf("unknown value %q", placeholder)
	case clause == "SET":
		on[name] = v
	case clause == "ADD":
		on[name] = map[string]any{"N": new(big.Float).Add(number(on[name]), number(v)).Text('f', -1)}
	default:
		return fmt.Errorf("%q before any clause", name)
	}
	return nil
}
