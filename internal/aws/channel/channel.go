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
	"net/http"
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
