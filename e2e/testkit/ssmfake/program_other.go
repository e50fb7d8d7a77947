//go:build !unix

package ssmfake

// Shell needs the process groups of Unix.
func Shell(string, string) func(*Conn) { return func(c *Conn) { c.Close("no shell here") } }
