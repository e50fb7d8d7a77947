//go:build !linux

package terminal

import (
	"errors"
	"os"
	"syscall"
)

var errLinux = errors.New("pseudo-terminals are made as on Linux")

// Open needs Linux.
func Open(_, _ int) (control, tty *os.File, err error) { return nil, nil, errLinux }

// Resize needs Linux.
func Resize(*os.File, int, int) error { return errLinux }

// InSession needs Linux.
func InSession() *syscall.SysProcAttr { return nil }
