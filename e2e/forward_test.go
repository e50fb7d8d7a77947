package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/company/deployer/e2e/testkit/proxy"
)

var leads = regexp.MustCompile(`(127\.0\.0\.1:\d+) leads to (\S+)`)

// forwardCommand starts a server that repeats what it gets, runs port-forward to it, sends something through two
// connections at once, and ends with SIGINT: forward ADDRESS FLAGS... What the binary says is in the file "err"; it must
// have asked AWS for the same.
func forwardCommand(ts *testscript.TestScript, neg bool, args []string) {
	refuse(ts, neg, "forward")
	server, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer server.Close()
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	before := worldOf(ts).Proxy.Count(proxy.Filter{Operation: "StartSession"})
	port := server.Addr().(*net.TCPAddr).Port
	cmd := exec.Command(binary, append([]string{"port-forward", args[0], fmt.Sprintf("0:%d", port)}, args[1:]...)...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnvironment(ts)
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	watchdog := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
	defer watchdog.Stop()
	var said bytes.Buffer
	reader := bufio.NewReader(stderr)
	address, remote := "", ""
	for address == "" {
		line, err := reader.ReadString('\n')
		said.WriteString(line)
		if m := leads.FindStringSubmatch(line); m != nil {
			address, remote = m[1], m[2]
		} else if err != nil {
			_ = cmd.Wait()
			ts.Fatalf("port-forward ended: %s", said.String())
		}
	}
	var conns []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", address)
		ts.Check(err)
		defer conn.Close()
		conns = append(conns, conn)
	}
	for i, conn := range conns {
		text := strings.Repeat(fmt.Sprintf("ping %d\x00\r\n", i), 3000)
		go func() { _, _ = conn.Write([]byte(text)) }()
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		got := make([]byte, len(text))
		_, err := io.ReadFull(conn, got)
		ts.Check(err)
		if string(got) != text {
			ts.Fatalf("connection %d got something else back", i)
		}
	}
	host, _, err := net.SplitHostPort(remote)
	ts.Check(err)
	for _, r := range worldOf(ts).Proxy.Select(proxy.Filter{Operation: "StartSession"})[before:] {
		for _, asked := range []string{fmt.Sprintf(`"host":[%q]`, host), fmt.Sprintf(`"portNumber":["%d"]`, port)} {
			if !strings.Contains(r.Body, asked) {
				ts.Fatalf("it says %s, and asks AWS for %s", remote, r.Body)
			}
		}
	}
	ts.Check(cmd.Process.Signal(syscall.SIGINT))
	rest, _ := io.ReadAll(reader)
	said.Write(rest)
	ts.Check(os.WriteFile(ts.MkAbs("err"), said.Bytes(), 0o644))
	if err := cmd.Wait(); err != nil {
		ts.Fatalf("%v\n%s", err, said.String())
	}
}
