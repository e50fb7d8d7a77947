// Package ssmfake is a message gateway of AWS Session Manager: the other end of ECS Exec and of forwarded ports.
//
// What comes in: sessions that the fakes of ECS and SSM have started, and the websocket connections of clients. What
// goes out: what the agent in a container would say, in the binary form of AWS's session manager plugin, with messages
// that come twice, late and in another order.
//
// A command runs in a shell of this machine, on a terminal. A forwarded port is a port of this machine.
//
// What it must not do: use the product's own code for the messages. The form is written down here a second time.
package ssmfake

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// Gateway holds the sessions that wait for their client.
type Gateway struct {
	mu        sync.Mutex
	sessions  map[string]*session
	serial    int
	broken    bool // connections end after the handshake, without a word
	encrypted bool // agents ask for encryption with a key of KMS
	unheard   int  // how many messages of each client get lost
}

// Trouble makes the gateway misbehave: broken, encrypted or lossy; anything else ends the trouble.
func (g *Gateway) Trouble(what string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.broken, g.encrypted, g.unheard = what == "broken", what == "encrypted", 0
	if what == "lossy" {
		g.unheard = 2
	}
}

// session is one session that was started.
type session struct {
	token string
	serve func(*Conn)
}

// New returns a gateway without sessions.
func New() *Gateway { return &Gateway{sessions: map[string]*session{}} }

// Reset forgets the sessions and the troubles.
func (g *Gateway) Reset() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sessions = map[string]*session{}
	g.broken, g.encrypted, g.unheard = false, false, 0
}

// Start begins a session that serve serves. It returns the path below the gateway, and the token.
func (g *Gateway) Start(serve func(*Conn)) (id, path, token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.serial++
	id = fmt.Sprintf("ecs-execute-command-%017d", g.serial)
	token = fmt.Sprintf("token-%d", g.serial)
	g.sessions[id] = &session{token, serve}
	return id, "/v1/data-channel/" + id + "?role=publish_subscribe", token
}

// ServeHTTP is the websocket of a session.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	s := g.sessions[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]]
	broken, encrypted, drop := g.broken, g.encrypted, g.unheard
	g.mu.Unlock()
	if s == nil {
		http.NotFound(w, r)
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	c := &Conn{
		ws: ws, ctx: r.Context(), drop: drop, done: make(chan struct{}), In: make(chan Input, 1024),
	}
	kind, body, err := ws.Read(c.ctx)
	var hello struct {
		Schema string `json:"MessageSchemaVersion"`
		Token  string `json:"TokenValue"`
		Client string `json:"ClientId"`
	}
	if err != nil || kind != websocket.MessageText || json.Unmarshal(body, &hello) != nil ||
		hello.Token != s.token || hello.Schema != "1.0" || hello.Client == "" {
		ws.Close(websocket.StatusPolicyViolation, "the token is not valid")
		return
	}
	go c.read()
	actions := `{"ActionType":"SessionType","ActionParameters":{"SessionType":"InteractiveCommands","Properties":{}}}`
	if encrypted {
		actions += `,{"ActionType":"KMSEncryption","ActionParameters":{"KMSKeyId":"alias/exec"}}`
	}
	c.say(5, []byte(`{"AgentVersion":"3.1.1732.0","RequestedClientActions":[`+actions+`]}`), false)
	select {
	case answer := <-c.In:
		if answer.Kind != 6 || strings.Contains(string(answer.Payload), "Unsupported") {
			c.Close("encryption was refused")
			return
		}
	case <-c.done:
		return
	}
	c.say(7, []byte(`{"HandshakeTimeToComplete":1000000,"CustomerMessage":""}`), false)
	if broken {
		return
	}
	s.serve(c)
}

// Input is what the client sends: output (1), size (3), flags (10).
type Input struct {
	Kind    uint32
	Payload []byte
}

// Conn is the agent's end of a session.
type Conn struct {
	In chan Input // what the client sends, in order

	ws       *websocket.Conn
	ctx      context.Context
	done     chan struct{}
	mu       sync.Mutex
	sequence int64
	expected int64
	drop     int
	held     []byte // a message that waits for the one after it
}

// Done is closed when the client is gone.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Output sends bytes of the program. Every third message overtakes the one before it, and comes twice.
func (c *Conn) Output(p []byte) {
	for len(p) > 0 {
		n := min(len(p), 64)
		c.say(1, p[:n], true)
		p = p[n:]
	}
}

// Flag sends a flag.
func (c *Conn) Flag(flag uint32) { c.say(10, binary.BigEndian.AppendUint32(nil, flag), false) }

func (c *Conn) say(kind uint32, payload []byte, unruly bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body := encode("output_stream_data", c.sequence, 0, kind, payload)
	c.sequence++
	switch {
	case unruly && c.held == nil && c.sequence%3 == 0:
		c.held = body
		time.AfterFunc(50*time.Millisecond, c.flush) // nothing may come after it
	case c.held != nil:
		c.write(body)
		c.write(c.held)
		c.write(body)
		c.held = nil
	default:
		c.write(body)
	}
}

// flush sends what waits.
func (c *Conn) flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		c.write(c.held)
		c.held = nil
	}
}

func (c *Conn) write(body []byte) { _ = c.ws.Write(c.ctx, websocket.MessageBinary, body) }

// Close ends the session, with words.
func (c *Conn) Close(words string) {
	c.flush()
	payload, _ := json.Marshal(map[string]any{
		"MessageId": uuid.NewString(), "CreatedDate": "0", "DestinationId": "", "SessionId": "", "SchemaVersion": 1,
		"MessageType": "channel_closed", "Output": words,
	})
	c.mu.Lock()
	c.write(encode("channel_closed", 0, 0, 0, payload))
	c.mu.Unlock()
	select { // the client closes
	case <-c.done:
	case <-time.After(5 * time.Second):
	}
}

func (c *Conn) read() {
	defer close(c.done)
	for {
		kind, body, err := c.ws.Read(c.ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageBinary || len(body) < 120 {
			continue
		}
		be := binary.BigEndian
		typ := strings.TrimRight(string(body[4:36]), " \x00")
		if typ != "input_stream_data" {
			continue
		}
		n := int64(be.Uint64(body[48:56]))
		digest := sha256.Sum256(body[120:])
		if string(digest[:]) != string(body[80:112]) || be.Uint32(body[116:120]) != uint32(len(body)-120) {
			_ = c.ws.Close(websocket.StatusProtocolError, "a damaged message")
			return
		}
		if c.drop > 0 {
			c.drop--
			continue
		}
		var id uuid.UUID
		copy(id[8:], body[64:72])
		copy(id[:8], body[72:80])
		ack, _ := json.Marshal(map[string]any{
			"AcknowledgedMessageType": typ, "AcknowledgedMessageId": id.String(),
			"AcknowledgedMessageSequenceNumber": n, "IsSequentialMessage": true,
		})
		c.mu.Lock()
		c.write(encode("acknowledge", 0, 3, 0, ack))
		c.mu.Unlock()
		if n != c.expected {
			continue // the client sends it again
		}
		c.expected++
		c.In <- Input{be.Uint32(body[112:116]), append([]byte{}, body[120:]...)}
	}
}

// encode writes a message: header length, type, schema version, date, number, flags, id, digest, kind and length of the
// payload, payload.
func encode(typ string, sequence int64, flags uint64, kind uint32, payload []byte) []byte {
	be := binary.BigEndian
	out := be.AppendUint32(nil, 116)
	out = append(out, fmt.Sprintf("%-32s", typ)...)
	out = be.AppendUint32(out, 1)
	out = be.AppendUint64(out, 1700000000000)
	out = be.AppendUint64(out, uint64(sequence))
	out = be.AppendUint64(out, flags)
	id := uuid.New()
	out = append(append(out, id[8:]...), id[:8]...)
	digest := sha256.Sum256(payload)
	out = append(out, digest[:]...)
	out = be.AppendUint32(out, kind)
	out = be.AppendUint32(out, uint32(len(payload)))
	return append(out, payload...)
}
