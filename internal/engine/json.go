package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/company/deployer/internal/value"
)

// reader decodes JSON in one pass, straight into values. A plan begins with decoding the whole state, and
// encoding/json, which scans everything three times and builds maps of any first, would take longer than the rest of
// the plan. All other JSON of this package goes through encoding/json.
type reader struct {
	data []byte
	pos  int
}

var errJSON = errors.New("invalid JSON")

func (r *reader) fail() error { return fmt.Errorf("%w at byte %d", errJSON, r.pos) }

// peek skips white space and returns the next byte, 0 at the end.
func (r *reader) peek() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

func (r *reader) expect(c byte) error {
	if r.peek() != c {
		return r.fail()
	}
	r.pos++
	return nil
}

// list calls item for each item between open and close.
func (r *reader) list(open, close byte, item func() error) error {
	if err := r.expect(open); err != nil {
		return err
	}
	if r.peek() == close {
		r.pos++
		return nil
	}
	for {
		if err := item(); err != nil {
			return err
		}
		switch r.peek() {
		case ',':
			r.pos++
		case close:
			r.pos++
			return nil
		default:
			return r.fail()
		}
	}
}

// object calls field for each key, with the reader at its value.
func (r *reader) object(field func(key string) error) error {
	return r.list('{', '}', func() error {
		key, err := r.text()
		if err != nil {
			return err
		}
		if err := r.expect(':'); err != nil {
			return err
		}
		return field(key)
	})
}

func (r *reader) array(item func() error) error { return r.list('[', ']', item) }

// text reads a string; null is "".
func (r *reader) text() (string, error) {
	if r.peek() == 'n' {
		return "", r.word("null")
	}
	if err := r.expect('"'); err != nil {
		return "", err
	}
	start := r.pos
	for i := start; i < len(r.data); i++ {
		switch c := r.data[i]; {
		case c == '"':
			r.pos = i + 1
			return string(r.data[start:i]), nil
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return r.escaped(start)
		}
	}
	return "", r.fail()
}

// escaped reads the string that begins after start in the slow way: with escapes and a check of the encoding.
func (r *reader) escaped(start int) (string, error) {
	for i := start; i < len(r.data); i++ {
		switch r.data[i] {
		case '\\':
			i++
		case '"':
			var s string
			if err := json.Unmarshal(r.data[start-1:i+1], &s); err != nil {
				return "", r.fail()
			}
			r.pos = i + 1
			return s, nil
		}
	}
	return "", r.fail()
}

func (r *reader) word(word string) error {
	if r.pos+len(word) > len(r.data) || string(r.data[r.pos:r.pos+len(word)]) != word {
		return r.fail()
	}
	r.pos += len(word)
	return nil
}

func (r *reader) boolean() (bool, error) {
	if r.peek() == 't' {
		return true, r.word("true")
	}
	return false, r.word("false")
}

func (r *reader) texts() ([]string, error) {
	var out []string
	if r.peek() == 'n' {
		return nil, r.word("null")
	}
	err := r.array(func() error {
		s, err := r.text()
		out = append(out, s)
		return err
	})
	return out, err
}

// value reads anything.
func (r *reader) value() (value.Value, error) {
	switch r.peek() {
	case '"':
		s, err := r.text()
		return value.NewString(s), err
	case '{':
		m := map[string]value.Value{}
		err := r.object(func(key string) error {
			v, err := r.value()
			m[key] = v
			return err
		})
		return value.NewMap(m), err
	case '[':
		items := []value.Value{}
		err := r.array(func() error {
			v, err := r.value()
			items = append(items, v)
			return err
		})
		return value.NewList(items...), err
	case 't', 'f':
		b, err := r.boolean()
		return value.NewBool(b), err
	case 'n':
		return value.NullValue, r.word("null")
	}
	start := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			r.pos++
			continue
		}
		break
	}
	n, err := strconv.ParseFloat(string(r.data[start:r.pos]), 64)
	if err != nil {
		return value.NullValue, r.fail()
	}
	return value.NewNumber(n), nil
}

// raw returns the bytes of the next value without a check of its content.
func (r *reader) raw() (json.RawMessage, error) {
	r.peek()
	start, depth := r.pos, 0
	for r.pos < len(r.data) {
		switch r.data[r.pos] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return r.data[start:r.pos], nil // the end of the enclosing list or object
			}
			if depth == 0 {
				r.pos++
				return r.data[start:r.pos], nil
			}
		case ',':
			if depth == 0 {
				return r.data[start:r.pos], nil
			}
		case '"':
			for r.pos++; r.pos < len(r.data) && r.data[r.pos] != '"'; r.pos++ {
				if r.data[r.pos] == '\\' {
					r.pos++
				}
			}
			if depth == 0 {
				r.pos++
				return r.data[start:min(r.pos, len(r.data))], nil
			}
		}
		r.pos++
	}
	return nil, r.fail()
}
