package lock

import "time"

// Host is where this process runs, and what it can see of the other processes there.
type Host struct {
	Hostname string
	// changes at every boot; the same in all containers of a machine; "" where the system does not say
	BootID       string
	PIDNamespace string // process ids mean something only within it; "" where the system does not say
	PID          int
	ProcessStart string // process ids are reused; with this, an id names one process
	// Started returns when the process of that id started, in the form of ProcessStart, and whether there is one. An
	// empty start with true means that it runs, but may not be looked at.
	Started func(pid int) (start string, running bool)
	// SinceBoot is Clock.Boot of this machine.
	SinceBoot func() time.Duration
}

// Died reports whether the holder was a process of this machine and process namespace that no longer runs.
func (h Host) Died(holder Record) bool {
	if h.BootID == "" || h.PIDNamespace == "" || h.Started == nil || holder.PID() <= 0 || holder.ProcessStart == "" {
		return false
	}
	if holder.BootID != h.BootID || holder.PIDNamespace != h.PIDNamespace {
		return false
	}
	start, running := h.Started(holder.PID())
	return !running || start != "" && start != holder.ProcessStart
}
