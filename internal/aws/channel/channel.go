// Package channel speaks the data channel of AWS Session Manager, over which ECS Exec and port forwarding run.
//
// In: the URL and token of a session that AWS has started; bytes for the other side. Out: the bytes of the other side,
// in order and once each, until the session ends. It must not start sessions, touch a terminal, or know what runs at
// the other side.
//
// Both sides number their messages, acknowledge what arrives, and send again what is not acknowledged.
package channel

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
)

// Options are what a channel is opened with.
type Options struct {
	URL, Token string      // from AWS
	Header     http.Header // signed; may be nil
	// Version is the version of the plugin that the client behaves as. The agent speaks accordingly.
	Version string
	Output  func([]byte) error // gets what the other side sends; an error ends the channel
	// Now is the time; Resend is how long an acknowledgement may take.
	Now    func() time.Time
	Resend time.Duration
}

// The versions of the plugin that matter. The agent multiplexes forwarded connections, with a protocol of its own, for
// clients from 1.1.70 on.
const (
	ForCommands = "1.2.0.0"
	ForPorts    = "1.1.0.0"
)

const (
	// largest is how many bytes of input a message carries.
	largest = 1024
	// readLimit is the largest message that is read.
	readLimit = 1 << 20
	// kept is how many messages that came too early are kept.
	kept = 10_000
	// window is how many messages may be on their way to the other side.
	window = 256
	// keepAlive is the time between two pings: AWS ends connections without traffic.
	keepAlive = time.Minute
	// attempts is how often a message is sent before the connection counts as lost: for about half a minute.
	attempts = 60
)

// ErrLost says that the connection ended without a word of the other side.
var ErrLost = errors.New("the connection to the container was lost")

// Channel is an open data channel.
type Channel struct {
	o    Options
	conn *websocket.Conn
	ctx  context.Context
	end  context.CancelCauseFunc
	done chan struct{}

	ready     chan struct{} // the other side has begun: input may be sent
	readyOnce sync.Once

	mu       sync.Mutex
	sequence int64          // of the next message that we send
	unheard  map[int64]sent // not acknowledged yet
	problem  string         // what the handshake could not do

	expected int64 // of the next message of the other side
	early    map[int64]Message
	closing  string // why the other side ended the session
	closed   bool
}

type sent struct {
	body  []byte
	at    time.Time
	times int
}

// Open connects and says who we are.
func Open(ctx context.Context, o Options) (*Channel, error) {
	if o.Resend == 0 {
		o.Resend = 500 * time.Millisecond
	}
	//nolint:bodyclose // the library closes it
	conn, _, err := websocket.Dial(ctx, o.URL, &websocket.DialOptions{HTTPHeader: o.Header})
	if err != nil {
		return nil, fmt.Errorf("connect to the session: %w", withoutURL(err, o.URL))
	}
	conn.SetReadLimit(readLimit)
	c := &Channel{
		o: o, conn: conn, done: make(chan struct{}), ready: make(chan struct{}), unheard: map[int64]sent{},
		early: map[int64]Message{},
	}
	c.ctx, c.end = context.WithCancelCause(ctx)
	hello, err := json.Marshal(opening{
		Schema: "1.0", RequestID: uuid.NewString(), Token: o.Token, ClientID: uuid.NewString(), Version: o.Version,
	})
	if err == nil {
		err = conn.Write(ctx, websocket.MessageText, hello)
	}
	if err != nil {
		_ = conn.CloseNow() // the error before it says more
		return nil, fmt.Errorf("open the session: %w", err)
	}
	go c.receive()
	go c.repeat()
	return c, nil
}

// withoutURL keeps the URL out of an error: it may be presigned.
func withoutURL(err error, url string) error {
	return errors.New(strings.ReplaceAll(err.Error(), url, "AWS"))
}

// Ready is closed when the other side takes input.
func (c *Channel) Ready() <-chan struct{} { return c.ready }

// Done is closed when the channel has ended.
func (c *Channel) Done() <-chan struct{} { return c.done }

// Write sends input. It waits until the other side takes it.
func (c *Channel) Write(p []byte) (int, error) {
	select {
	case <-c.ready:
	case <-c.done:
		return 0, c.Err()
	}
	for n := 0; n < len(p); {
		if err := c.room(); err != nil {
			return n, err
		}
		part := p[n:min(n+largest, len(p))]
		if err := c.send(payloadOutput, part); err != nil {
			return n, err
		}
		n += len(part)
	}
	return len(p), nil
}

// room waits until not too many messages are on their way.
func (c *Channel) room() error {
	for {
		c.mu.Lock()
		n := len(c.unheard)
		c.mu.Unlock()
		if n < window {
			return nil
		}
		select {
		case <-c.done:
			return cmp.Or(c.Err(), ErrLost)
		case <-time.After(time.Millisecond):
		}
	}
}

// Resize tells the size of the terminal.
func (c *Channel) Resize(columns, rows int) error {
	body, err := json.Marshal(size{columns, rows})
	if err != nil {
		return err
	}
	return c.send(payloadSize, body)
}

// Disconnect says that the local connection to a forwarded port has ended.
func (c *Channel) Disconnect() error { return c.flag(flagDisconnect) }

// Terminate ends the session at the other side.
func (c *Channel) Terminate() error { return c.flag(flagTerminate) }

func (c *Channel) flag(flag uint32) error {
	return c.send(payloadFlag, binary.BigEndian.AppendUint32(nil, flag))
}

// Close ends the channel.
func (c *Channel) Close() {
	c.end(context.Canceled)
	_ = c.conn.CloseNow() // nobody listens any more
	<-c.done
}

// Err is why the channel has ended; nil when the other side ended the session. It waits for the end.
func (c *Channel) Err() error {
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	switch cause := context.Cause(c.ctx); {
	case c.problem != "":
		return errors.New(c.problem)
	case c.closed:
		return nil
	case cause != nil:
		return cause
	}
	return ErrLost
}

// Said is what the other side said when it ended the session.
func (c *Channel) Said() string {
	<-c.done
	return c.closing
}

func (c *Channel) send(kind uint32, payload []byte) error {
	c.mu.Lock()
	m := Message{
		Type: inputData, Sequence: c.sequence, ID: uuid.New(), Created: uint64(c.o.Now().UnixMilli()), Kind: kind,
		Payload: payload,
	}
	body := m.Encode()
	c.unheard[c.sequence] = sent{body, c.o.Now(), 1}
	c.sequence++
	c.mu.Unlock()
	return c.write(body)
}

func (c *Channel) write(body []byte) error {
	return c.conn.Write(c.ctx, websocket.MessageBinary, body)
}

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

// repeat sends again what was not acknowledged, and keeps the connection alive.
func (c *Channel) repeat() {
	tick, alive := time.NewTicker(c.o.Resend/2), time.NewTicker(keepAlive)
	defer tick.Stop()
	defer alive.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-alive.C:
			go func() { _ = c.conn.Ping(c.ctx) }() // a lost connection shows in the reads
		case <-tick.C:
			for _, body := range c.overdue() {
				if body == nil {
					c.end(ErrLost)
					_ = c.conn.CloseNow() // it is lost
					return
				}
				if c.write(body) != nil {
					return // the reads end, too
				}
			}
		}
	}
}

// overdue are the messages to send again, the oldest first; a nil one says that the other side is gone.
func (c *Channel) overdue() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out [][]byte
	now := c.o.Now()
	for _, n := range slices.Sorted(maps.Keys(c.unheard)) {
		s := c.unheard[n]
		if now.Sub(s.at) < c.o.Resend {
			continue
		}
		if s.times >= attempts {
			return append(out, nil)
		}
		s.at, s.times = now, s.times+1
		c.unheard[n] = s
		out = append(out, s.body)
	}
	return out
}
