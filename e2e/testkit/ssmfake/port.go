package ssmfake

import (
	"encoding/binary"
	"net"
)

// Port serves a session with a connection to a port of this machine, as the agent does for clients before 1.1.70. A
// port where nothing answers is told with a flag.
func Port(address string) func(*Conn) {
	return func(c *Conn) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			c.Flag(3)
			<-c.done
			return
		}
		defer conn.Close()
		go func() {
			for {
				select {
				case <-c.done:
					_ = conn.Close()
					return
				case in := <-c.In:
					switch {
					case in.Kind == 1:
						_, _ = conn.Write(in.Payload)
					case in.Kind == 10 && binary.BigEndian.Uint32(in.Payload) <= 2:
						_ = conn.Close()
					}
				}
			}
		}()
		chunk := make([]byte, 1024)
		for {
			n, err := conn.Read(chunk)
			c.Output(append([]byte{}, chunk[:n]...))
			c.flush()
			if err != nil {
				c.Close("")
				return
			}
		}
	}
}
