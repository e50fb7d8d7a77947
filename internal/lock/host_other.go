//go:build !linux && !darwin

package lock

import "os"

// ThisHost knows only names here, so that a dead holder's lock is taken over by its age alone.
func ThisHost() Host {
	h := Host{PID: os.Getpid()}
	h.Hostname, _ = os.Hostname()
	return h
}
