package state

import "bytes"

// part is a value inside of JSON text, as it is written there.
type part struct {
	text   []byte
	items  int  // of a list or an object
	values int  // at all depths, at least 1 (an upper bound: an empty one counts, too)
	spaced bool // there is white space between its words
}

// split calls member with each key and value of an object. It looks at each byte once and makes no copy: encoding/json
// looks at bytes several times, and states have megabytes. Keys are as written, with escapes. It stops when member
// returns false. It reports false if doc is no object, maybe after some members. The JSON must be valid: invalid JSON
// may be split anywhere.
func split(doc []byte, member func(key []byte, value part) (more bool)) bool {
	s := splitter{doc: doc}
	if s.next() != '{' {
		return false
	}
	s.pos++
	if s.next() == '}' {
		return true
	}
	for s.next() == '"' {
		key := s.pos
		s.quoted()
		name := doc[key+1 : max(key+1, s.pos-1)]
		if s.next() != ':' {
			return false
		}
		s.pos++
		s.next()
		if !member(name, s.value()) {
			return true
		}
		switch s.next() {
		case '}':
			return true
		case ',':
			s.pos++
		default:
			return false
		}
	}
	return false
}

type splitter struct {
	doc []byte
	pos int
}

// next is the next byte that is no white space, 0 at the end.
func (s *splitter) next() byte {
	for ; s.pos < len(s.doc); s.pos++ {
		switch c := s.doc[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// quoted moves past the string that begins here.
func (s *splitter) quoted() {
	for s.pos++; s.pos < len(s.doc); {
		length := bytes.IndexByte(s.doc[s.pos:], '"')
		if length < 0 {
			break
		}
		text := s.doc[s.pos : s.pos+length]
		s.pos += length + 1
		if escapes := len(text) - len(bytes.TrimRight(text, `\`)); escapes%2 == 0 {
			return
		}
	}
	s.pos = len(s.doc)
}

// value moves past the value that begins here.
func (s *splitter) value() part {
	start, p := s.pos, part{values: 1}
	switch s.next() {
	case '"':
		s.quoted()
	case '{', '[':
		s.pos++
		if end := s.next(); end != '}' && end != ']' {
			p.items = 1 // and one more with each comma
		}
		s.pos = start
		s.nested(&p)
	default:
		for s.pos < len(s.doc) && bytes.IndexByte([]byte(",}] \t\n\r"), s.doc[s.pos]) < 0 {
			s.pos++
		}
	}
	p.text = s.doc[start:s.pos:s.pos]
	return p
}

// nested moves past the list or object that begins here, and counts the commas.
func (s *splitter) nested(p *part) {
	for depth := 0; s.pos < len(s.doc); {
		c := s.doc[s.pos]
		if c == '"' {
			s.quoted()
			continue
		}
		s.pos++
		switch c {
		case '{', '[':
			depth++
			p.values++
		case '}', ']':
			if depth--; depth == 0 {
				return
			}
		case ',':
			p.values++
			if depth == 1 {
				p.items++
			}
		case ' ', '\t', '\n', '\r':
			p.spaced = true
		}
	}
}
