package cli

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
)

// The pulumi CLI reads one line with the port, and talks to that port of this machine.
func TestPluginSaysItsPort(t *testing.T) {
	out, in := io.Pipe()
	var said bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	f := NewFactory()
	f.Out, f.Err, f.Soft = in, &said, ctx
	code := make(chan int, 1)
	go func() { code <- servePlugin(f, []string{"127.0.0.1:1"}) }()
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+strings.TrimSpace(line), time.Minute)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	cancel()
	require.Equal(t, exitOK, <-code)
	require.Empty(t, said.String())
}

func TestErrorsInWords(t *testing.T) {
	err := diag.New(diag.Invalid, "Wrong AWS account", "It is another.", "Use the right one.")
	require.Equal(t, "Wrong AWS account: It is another. Use the right one.", inWords(err))
	require.Equal(t, "EOF", inWords(io.EOF))
}
