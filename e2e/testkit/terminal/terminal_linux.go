package terminal

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Open makes a pseudo-terminal of that size. control is the end of the person, tty that of the program.
func Open(columns, rows int) (control, tty *os.File, err error) {
	if control, err = os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	var number, unlock uint32
	err = errors.Join(
		ioctl(control, syscall.TIOCGPTN, unsafe.Pointer(&number)),
		ioctl(control, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock)),
		Resize(control, columns, rows))
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, control.Close())
	}
	return control, tty, nil
}

// Resize changes the size, as a person does who drags the corner of a window.
func Resize(control *os.File, columns, rows int) error {
	size := struct{ rows, columns, x, y uint16 }{uint16(rows), uint16(columns), 0, 0}
	return ioctl(control, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

// InSession makes a process the leader of a session whose terminal is its stdin.
func InSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true, Setctty: true} }

func ioctl(file *os.File, request uintptr, arg unsafe.Pointer) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	err = raw.Control(func(fd uintptr) { _, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)) })
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}
