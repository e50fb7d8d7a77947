package cli

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

// Both are EPIPE: a reader that has seen enough of the output, and a server that hangs up in the middle of a request. Only the first is none of
// our business.
func TestABrokenPipeIsASuccessOnlyWhereItIsTheOutput(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code int
	}{
		"the output": {fmt.Errorf("writing: %w", &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}), exitOK},
		"AWS": {diag.List{{Code: diag.Failed, Summary: "AWS call failed", Cause: fmt.Errorf("s3:PutObject: %w",
			&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)})}}, exitFailed},
	} {
		var told bytes.Buffer
		f := NewFactory()
		f.Err, f.Soft = &told, t.Context()
		require.Equal(t, c.code, report(f, c.err), name)
		require.Equal(t, c.code != exitOK, told.Len() > 0, name)
	}
}
