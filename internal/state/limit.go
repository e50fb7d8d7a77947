package state

import (
	"bytes"
	"errors"
	"fmt"
)

// Limits of what is read and written, besides MaxSize. No useful state comes near them. Without them a small file could
// take a hundred times its size in memory: "{}," is a component.
const (
	maxIntents    = 100_000
	maxComponents = 100_000
	maxValues     = MaxSize / 16 // in all depths; a stack's have 35 bytes each
	maxHead       = 1 << 20      // bytes of all but intents and payload
)

// parts are the parts of an envelope that are read in different ways.
type parts struct {
	head       []byte // an object of all but intents and payload
	intents    part
	payload    part
	components int
	oversized  bool // head is longer than that
}

// splitEnvelope cuts up valid JSON. Of repeated keys the last counts, as elsewhere.
func splitEnvelope(raw []byte) (*parts, error) {
	p := &parts{head: []byte{'{'}}
	escaped := false
	object := split(raw, func(key []byte, v part) bool {
		switch {
		case bytes.EqualFold(key, []byte("payload")):
			p.payload = v
		case bytes.EqualFold(key, []byte("intents")):
			p.intents = v
		case bytes.IndexByte(key, '\\') >= 0:
			escaped = true // it may be "intents" or "payload"
		default:
			if len(p.head)+len(key)+len(v.text) > maxHead {
				p.oversized = true
				return false
			}
			if len(p.head) > 1 {
				p.head = append(p.head, ',')
			}
			p.head = append(append(append(append(p.head, '"'), key...), '"', ':'), v.text...)
		}
		return true
	})
	p.head = append(p.head, '}')
	switch {
	case !object:
		return nil, errors.New("it is no JSON object: this is not a state of deployer")
	case escaped:
		return nil, errors.New("a key is written with escapes: this is not a state of deployer")
	}
	p.components = components(p.payload.text)
	return p, nil
}

// components counts what becomes a Component.
func components(payload []byte) int {
	count := 0
	split(payload, func(key []byte, v part) bool {
		if bytes.EqualFold(key, []byte("components")) || bytes.IndexByte(key, '\\') >= 0 {
			count += v.items
		}
		return true
	})
	return count
}

// excess names what there is too much of, "" when nothing.
func (p *parts) excess() string {
	switch {
	case p.oversized:
		return fmt.Sprintf("more than %d KiB besides intents and payload", maxHead>>10)
	case p.intents.items > maxIntents:
		return fmt.Sprintf("more than %d intents", maxIntents)
	case p.components > maxComponents:
		return fmt.Sprintf("more than %d components", maxComponents)
	case p.intents.values+p.payload.values > maxValues:
		return fmt.Sprintf("more than %d values", maxValues)
	}
	return ""
}
