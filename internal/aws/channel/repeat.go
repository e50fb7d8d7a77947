package channel

import (
	"maps"
	"slices"
	"time"
)

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
