package e2e

import (
	"bufio"
	"errors"
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

// forwardCommand is forwarded in a script: [!] forward ADDRESS FLAGS... What the binary says is in the file "err"; it
// must have asked AWS for the same. With !, the connections must fail.
func forwardCommand(ts *testscript.TestScript, neg bool, args []string) {
	before := worldOf(ts).Proxy.Count(proxy.Filter{Operation: "StartSession"})
	said, remote, err := forwarded(func(words ...string) *exec.Cmd {
		cmd := exec.Command(binary, words...)
		cmd.Dir, cmd.Env = ts.MkAbs("."), scriptEnvironment(ts)
		return cmd
	}, args[0], args[1:]...)
	ts.Check(os.WriteFile(ts.MkAbs("err"), []byte(said), 0o644))
	switch {
	case neg && err == nil:
		ts.Fatalf("the connections work\n%s", said)
	case neg:
		return
	case err != nil:
		ts.Fatalf("%v\n%s", err, said)
	}
	host, port, err := net.SplitHostPort(remote)
	ts.Check(err)
	for _, r := range worldOf(ts).Proxy.Select(proxy.Filter{Operation: "StartSession"})[before:] {
		for _, asked := range []string{fmt.Sprintf(`"host":[%q]`, host), fmt.Sprintf(`"portNumber":[%q]`, port)} {
			if !strings.Contains(r.Body, asked) {
				ts.Fatalf("it says %s, and asks AWS for %s", remote, r.Body)
			}
		}
	}
}

// forwarded starts a server that repeats what it gets, runs port-forward to it, sends something through two connections
// at once, and ends with SIGINT. It returns what the binary said, and where it says that the way leads to.
func forwarded(command func(...string) *exec.Cmd, address string, flags ...string) (said, remote string, err error) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
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
	port := server.Addr().(*net.TCPAddr).Port
	cmd := command(append([]string{"port-forward", address, fmt.Sprintf("0:%d", port)}, flags...)...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", "", err
	}
	defer time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	reader := bufio.NewReader(stderr)
	local := ""
	for local == "" {
		line, err := reader.ReadString('\n')
		said += line
		if m := leads.FindStringSubmatch(line); m != nil {
			local, remote = m[1], m[2]
		} else if err != nil {
			return said, "", errors.Join(errors.New("port-forward ended"), cmd.Wait())
		}
	}
	echo := echoed(local)
	err = cmd.Process.Signal(syscall.SIGINT)
	rest, _ := io.ReadAll(reader)
	return said + string(rest), remote, errors.Join(echo, err, cmd.Wait())
}

// echoed sends something through two connections at once, and expects it back.
func echoed(address string) error {
	var conns []net.Conn
	for range 2 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	for i, conn := range conns {
		text := strings.Repeat(fmt.Sprintf("ping %d\x00\r\n", i), 3000)
		go func() { _, _ = conn.Write([]byte(text)) }()
		_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
		got := make([]byte, len(text))
		if _, err := io.ReadFull(conn, got); err != nil {
			return err
		}
		if string(got) != text {
			return fmt.Errorf("connection %d got something else back", i)
		}
	}
	return nil
}
