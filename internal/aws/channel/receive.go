package channel

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// receive reads until the end.
func (c *Channel) receive() {
	defer close(c.done)
	defer func() { _ = c.conn.CloseNow() }() // it has ended
	for {
		kind, body, err := c.conn.Read(c.ctx)
		if err != nil {
			return
		}
		if kind != websocket.MessageBinary {
			continue
		}
		m, err := Decode(body)
		if err == nil {
			err = c.take(m)
		}
		if err != nil {
			c.end(err)
			return
		}
		if c.closed {
			return
		}
	}
}

// take deals with one message.
func (c *Channel) take(m Message) error {
	switch m.Type {
	case acknowledge:
		var a acknowledgement
		if json.Unmarshal(m.Payload, &a) == nil {
			c.mu.Lock()
			delete(c.unheard, a.Sequence)
			c.mu.Unlock()
		}
	case closedByAWS:
		var e ending
		_ = json.Unmarshal(m.Payload, &e) // without a reason it has ended anyway
		c.mu.Lock()
		c.closing, c.closed = e.Output, true
		c.mu.Unlock()
	case outputData:
		return c.arrange(m)
	}
	return nil
}

// arrange acknowledges a message, and passes on all that are complete up to here. What came before is not passed on
// again.
func (c *Channel) arrange(m Message) error {
	if m.Sequence > c.expected && len(c.early) >= kept {
		return nil // it is sent again
	}
	if err := c.hear(m); err != nil {
		return err
	}
	if m.Sequence < c.expected {
		return nil
	}
	c.early[m.Sequence] = m
	for {
		next, there := c.early[c.expected]
		if !there {
			return nil
		}
		delete(c.early, c.expected)
		c.expected++
		if err := c.use(next); err != nil {
			return err
		}
	}
}

// hear acknowledges a message.
func (c *Channel) hear(m Message) error {
	body, err := json.Marshal(acknowledgement{m.Type, m.ID.String(), m.Sequence, true})
	if err != nil {
		return err
	}
	return c.write(Message{
		Type: acknowledge, Flags: 3, ID: uuid.New(), Created: uint64(c.o.Now().UnixMilli()), Payload: body,
	}.Encode())
}

// use passes on the payload of a message.
func (c *Channel) use(m Message) error {
	switch m.Kind {
	case payloadHandshakeRequest:
		return c.shake(m.Payload)
	case payloadHandshakeComplete:
		c.begin()
	case payloadFlag:
		if len(m.Payload) >= 4 && binary.BigEndian.Uint32(m.Payload) == flagNoPort {
			return ErrNoPort
		}
	case payloadOutput, payloadStdErr:
		c.begin() // an old agent shakes no hands
		return c.o.Output(m.Payload)
	case payloadExitCode: // only of sessions that are no terminals
	}
	return nil
}

// ErrNoPort says that nothing answers at the forwarded port.
var ErrNoPort = errors.New("the container cannot connect to the port")

func (c *Channel) begin() { c.readyOnce.Do(func() { close(c.ready) }) }

// shake answers the handshake. Encryption with a key of KMS is not supported.
func (c *Channel) shake(payload []byte) error {
	var request handshake
	if err := json.Unmarshal(payload, &request); err != nil {
		return fmt.Errorf("the agent's handshake: %w", err)
	}
	reply := answer{Version: c.o.Version, Actions: []action{}, Errors: []string{}}
	for _, a := range request.Actions {
		done := action{Type: a.Type, Status: actionDone}
		if a.Type != "SessionType" {
			done.Status, done.Error = actionUnsupported, "Unsupported action "+a.Type
			reply.Errors = append(reply.Errors, done.Error)
			c.mu.Lock()
			c.problem = "the cluster asks for " + a.Type + " of sessions, which deployer does not support"
			c.mu.Unlock()
		}
		reply.Actions = append(reply.Actions, done)
	}
	body, err := json.Marshal(reply)
	if err != nil {
		return err
	}
	return c.send(payloadHandshakeResponse, body)
}
