package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Format is the version of envelope and payload that this program writes, and the only one that it reads. Format 1 had
// neither marks on all objects nor sealed properties; it was never released.
const Format = 2

// MaxSize is the largest state in bytes that is read or written.
const MaxSize = 32 << 20

// Envelope is state.json: one object, one atomic commit.
type Envelope struct {
	FormatVersion int      `json:"formatVersion"` // of the writer
	MinReader     int      `json:"minReader"`     // the oldest Format that can read this
	Lineage       string   `json:"lineage"`       // made once per state; two states of one lineage share a past
	Serial        int64    `json:"serial"`        // one higher at every write
	Fence         int64    `json:"fence"`         // of the lock under which this was written; never falls
	Writer        Writer   `json:"writer"`
	Intents       []Intent `json:"intents,omitempty"`
	// SHA256 is the hex digest over all the above, without itself, and the payload. Encode sets it.
	SHA256  string          `json:"sha256"`
	Payload json.RawMessage `json:"payload"` // a Payload
}

// Writer says which write this is.
type Writer struct {
	LockID string `json:"lockId"`
	OpID   string `json:"opId"` // unique to the write
}

// Action is what a run intends to do with an AWS object.
type Action string

// The actions. If a run dies during one of them, AWS may differ from the state that was saved last.
const (
	Create  Action = "create"
	Update  Action = "update"
	Delete  Action = "delete"
	Replace Action = "replace"
)

// Intent is a change that was started, or was about to be, and is not known to be done. A takeover never discards an
// intent. It resolves it by looking for the object, or at the object.
type Intent struct {
	Resource string `json:"resource"` // ID: "web/api:service"
	Type     string `json:"type"`     // "ecs/service"
	Action   Action `json:"action"`
	Name     string `json:"name,omitempty"`  // the physical name, where it is known beforehand
	ID       string `json:"id,omitempty"`    // AWS ID of the object to delete: of deletes and replacements
	Token    string `json:"token,omitempty"` // what the client token of the create is made from
	OpID     string `json:"opId"`            // of the run that intended it
	// Engine is the engine's search document for the object: of creates and replacements. Opaque, without secrets.
	Engine json.RawMessage `json:"engine,omitempty"`
	At     time.Time       `json:"at"`
	// Suspect: looked for and not found. A request signed before a takeover can still land while its signature is
	// valid, so the intent stays and is checked again until this time (15 minutes after the first look).
	Suspect time.Time `json:"suspect,omitzero"`
}

// Creates reports whether an object is made.
func (i Intent) Creates() bool { return i.Action == Create || i.Action == Replace }

// header is what the digest covers besides the payload.
func (e *Envelope) digest(compact []byte) (string, error) {
	h := *e
	h.SHA256, h.Payload = "", nil
	head, err := json.Marshal(&h)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(head)
	sum.Write([]byte{'\n'})
	sum.Write(compact)
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Encode stamps the format and the digest into e and returns its bytes. It fails with a *TooLargeError where Decode
// would refuse them.
func (e *Envelope) Encode() ([]byte, error) {
	raw, err := e.EncodeAny()
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxSize || len(e.Intents) > maxIntents {
		return nil, tooLarge(len(raw), len(e.Intents), MaxSize)
	}
	parts, err := splitEnvelope(raw)
	if err != nil {
		return nil, err
	}
	if excess := parts.excess(); excess != "" {
		return nil, tooMany(excess)
	}
	return raw, nil
}

// EncodeAny is Encode without the size limit, for a rescue file: it must be kept, and need not be read again.
func (e *Envelope) EncodeAny() ([]byte, error) {
	if e.Lineage == "" || e.Serial <= 0 || e.Writer.OpID == "" {
		return nil, fmt.Errorf("state: an envelope needs a lineage, a serial and an operation id: %q %d %q", e.Lineage,
			e.Serial, e.Writer.OpID)
	}
	e.FormatVersion, e.MinReader = Format, Format
	// Compacted with HTML escapes, so that the bytes under the digest are the bytes that json.Marshal writes below.
	payload, err := json.Marshal(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("state: payload: %w", err)
	}
	e.Payload = payload
	if e.SHA256, err = e.digest(payload); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(len(payload) + 1024)
	head := *e
	head.Payload = json.RawMessage("null")
	line, err := json.Marshal(&head)
	if err != nil {
		return nil, err
	}
	// The payload goes in as it is: marshalling it again would scan megabytes once more.
	out.Write(bytes.TrimSuffix(line, []byte("null}")))
	out.Write(payload)
	out.WriteString("}\n")
	return out.Bytes(), nil
}

// Room checks, before anything is done, that the state will still fit: created objects add outputs, about as long as
// what is known of them before. Encode still refuses a state that becomes larger than that.
func Room(p *Payload, intents []Intent) error {
	size, creates := len(p.Config)+len(p.Engine), 0
	for _, i := range intents {
		size += len(i.Engine)
		if i.Action == Create || i.Action == Replace {
			creates++
		}
	}
	if limit := MaxSize / 2; creates > 0 && size > limit || len(intents) > maxIntents {
		return tooLarge(size, len(intents), limit)
	}
	return nil
}

// Decode reads and verifies an envelope. where names the place in errors. It fails with a *CorruptError or a
// *FormatError. The payload stays where it is in raw, unless there is white space in it.
func Decode(raw []byte, where string) (*Envelope, error) {
	if len(raw) > MaxSize {
		return nil, TooLarge(where, "")
	}
	if !json.Valid(raw) {
		return nil, corrupt(where, raw, invalid(raw))
	}
	parts, err := splitEnvelope(raw)
	if err != nil {
		return nil, corrupt(where, raw, err.Error())
	}
	var formats struct {
		FormatVersion int `json:"formatVersion"`
		MinReader     int `json:"minReader"`
	}
	if err := json.Unmarshal(parts.head, &formats); err != nil {
		return nil, corrupt(where, raw, err.Error())
	}
	if formats.MinReader > Format {
		return nil, newer(where, formats.FormatVersion, formats.MinReader)
	}
	if formats.FormatVersion < 1 || formats.MinReader < 1 {
		return nil, corrupt(where, raw, "it has no formatVersion: this is not a state of deployer")
	}
	if formats.FormatVersion < Format {
		return nil, older(where, formats.FormatVersion, formats.MinReader)
	}
	if excess := parts.excess(); excess != "" {
		return nil, corrupt(where, nil, "it has "+excess)
	}
	if parts.payload.text == nil {
		return nil, corrupt(where, raw, "it has no payload")
	}
	var e Envelope
	if err := json.Unmarshal(parts.head, &e); err != nil {
		return nil, corrupt(where, raw, err.Error())
	}
	if parts.intents.text != nil {
		if err := json.Unmarshal(parts.intents.text, &e.Intents); err != nil {
			return nil, corrupt(where, raw, "intents: "+err.Error())
		}
	}
	e.Payload = parts.payload.text
	if parts.payload.spaced {
		var compact bytes.Buffer
		compact.Grow(len(e.Payload))
		if err := json.Compact(&compact, e.Payload); err != nil {
			return nil, corrupt(where, raw, err.Error())
		}
		e.Payload = compact.Bytes()
	}
	sum, err := e.digest(e.Payload)
	if err != nil {
		return nil, corrupt(where, raw, err.Error())
	}
	if sum != e.SHA256 {
		return nil, corrupt(where, raw, fmt.Sprintf("its SHA-256 is %.12s, it should be %.12s", sum, e.SHA256))
	}
	if e.Lineage == "" || e.Serial <= 0 {
		return nil, corrupt(where, raw, "it has no lineage or no serial")
	}
	return &e, nil
}

// invalid says what is wrong with the JSON.
func invalid(raw []byte) string {
	if len(raw) == 0 {
		return "it is empty"
	}
	err := json.Unmarshal(raw, &struct{}{})
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset >= int64(len(raw)) {
		return fmt.Sprintf("it ends early, after %d bytes", len(raw))
	}
	return err.Error()
}
