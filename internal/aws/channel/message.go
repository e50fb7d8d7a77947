package channel

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// The messages of a data channel.
const (
	inputData   = "input_stream_data"
	outputData  = "output_stream_data"
	acknowledge = "acknowledge"
	closedByAWS = "channel_closed"
)

// What a payload is.
const (
	payloadOutput            = 1 // bytes, in both directions
	payloadSize              = 3
	payloadHandshakeRequest  = 5
	payloadHandshakeResponse = 6
	payloadHandshakeComplete = 7
	payloadFlag              = 10
	payloadStdErr            = 11
	payloadExitCode          = 12
)

// Flags of a payloadFlag.
const (
	flagDisconnect = 1 // from the port
	flagTerminate  = 2 // the session
	flagNoPort     = 3 // by the agent: nothing answers at the port
)

// Message is one binary message of a data channel. Its form is that of AWS's session manager plugin: big-endian numbers
// at fixed places, then the payload.
type Message struct {
	Type     string
	Sequence int64
	Flags    uint64
	ID       uuid.UUID
	Created  uint64 // milliseconds since 1970
	Kind     uint32 // of the payload
	Payload  []byte
}

// The places of the fields. headerLength does not count the length of the payload, which follows it.
const (
	atType       = 4
	atSchema     = atType + 32
	atCreated    = atSchema + 4
	atSequence   = atCreated + 8
	atFlags      = atSequence + 8
	atID         = atFlags + 8
	atDigest     = atID + 16
	atKind       = atDigest + 32
	headerLength = atKind + 4
	atPayload    = headerLength + 4
)

// Encode returns the message as it is sent.
func (m Message) Encode() []byte {
	out := make([]byte, atPayload, atPayload+len(m.Payload))
	put := binary.BigEndian
	put.PutUint32(out, headerLength)
	copy(out[atType:atSchema], fmt.Sprintf("%-32s", m.Type))
	put.PutUint32(out[atSchema:], 1)
	put.PutUint64(out[atCreated:], m.Created)
	put.PutUint64(out[atSequence:], uint64(m.Sequence))
	put.PutUint64(out[atFlags:], m.Flags)
	copy(out[atID:], m.ID[8:]) // the second half comes first
	copy(out[atID+8:], m.ID[:8])
	digest := sha256.Sum256(m.Payload)
	copy(out[atDigest:], digest[:])
	put.PutUint32(out[atKind:], m.Kind)
	put.PutUint32(out[headerLength:], uint32(len(m.Payload)))
	return append(out, m.Payload...)
}

// Decode reads a message.
func Decode(in []byte) (m Message, err error) {
	get := binary.BigEndian
	if len(in) < atPayload {
		return m, errors.New("a message of the data channel is too short")
	}
	header := int(get.Uint32(in))
	if header < headerLength || header > len(in)-4 {
		return m, errors.New("a message of the data channel has no proper header")
	}
	m.Type = strings.TrimRight(string(in[atType:atSchema]), " \x00")
	m.Created, m.Sequence = get.Uint64(in[atCreated:]), int64(get.Uint64(in[atSequence:]))
	m.Flags = get.Uint64(in[atFlags:])
	copy(m.ID[8:], in[atID:atID+8])
	copy(m.ID[:8], in[atID+8:atDigest])
	m.Kind, m.Payload = get.Uint32(in[atKind:]), in[header+4:]
	if m.Type != acknowledge && m.Type != closedByAWS { // as AWS: those have none
		if digest := sha256.Sum256(m.Payload); len(m.Payload) > 0 && string(digest[:]) != string(in[atDigest:atKind]) {
			return m, errors.New("a message of the data channel is damaged")
		}
	}
	return m, nil
}

// acknowledgement is the payload of an acknowledge.
type acknowledgement struct {
	Type       string `json:"AcknowledgedMessageType"`
	ID         string `json:"AcknowledgedMessageId"`
	Sequence   int64  `json:"AcknowledgedMessageSequenceNumber"`
	Sequential bool   `json:"IsSequentialMessage"`
}

// opening is the first message, in text.
type opening struct {
	Schema    string `json:"MessageSchemaVersion"`
	RequestID string `json:"RequestId"`
	Token     string `json:"TokenValue"`
	ClientID  string `json:"ClientId"`
	Version   string `json:"ClientVersion"`
}

// handshake is what the agent asks of the client first.
type handshake struct {
	AgentVersion string `json:"AgentVersion"`
	Actions      []struct {
		Type string `json:"ActionType"`
	} `json:"RequestedClientActions"`
}

// answer is the answer to a handshake.
type answer struct {
	Version string   `json:"ClientVersion"`
	Actions []action `json:"ProcessedClientActions"`
	Errors  []string `json:"Errors"`
}

type action struct {
	Type   string `json:"ActionType"`
	Status int    `json:"ActionStatus"`
	Result any    `json:"ActionResult"`
	Error  string `json:"Error"`
}

// Statuses of an action.
const (
	actionDone        = 1
	actionUnsupported = 3
)

// ending is the payload of a channel_closed.
type ending struct {
	Output string `json:"Output"`
}

// size is the size of a terminal.
type size struct {
	Columns int `json:"cols"`
	Rows    int `json:"rows"`
}
