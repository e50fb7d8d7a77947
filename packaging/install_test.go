// Package packaging tests how deployer reaches its users: the installation script, and what CI systems run.
//
// In: the scripts of the repository. Out: passed or not. A server on this machine stands for GitHub. It must not reach
// the internet, or publish anything.
package packaging

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const script = "../install.sh"

func TestInstall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, argument, want string }{
		{"the newest version", "", "1.2.3"},
		{"latest", "latest", "1.2.3"},
		{"a version", "v1.3.0-rc.1", "1.3.0-rc.1"},
		{"a version without v", "1.3.0-rc.1", "1.3.0-rc.1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			var args []string
			if c.argument != "" {
				args = []string{c.argument}
			}
			out, err := m.install(serve(t), args...)
			require.NoError(t, err, out)
			require.Contains(t, out, "deployer "+c.want+" version is installed: "+m.target+"/deployer")
			require.Contains(t, out, "is not on PATH")
			require.Contains(t, out, "The signature was not checked, because cosign is not installed.")
			require.Equal(t, program(c.want), m.read(filepath.Join(m.target, "deployer")))
			info, err := os.Stat(filepath.Join(m.target, "deployer"))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o755), info.Mode())
		})
	}
}

// Every shell and every downloader that is here does the same. CI has all of them.
func TestInstallOnOtherSystems(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"dash", "bash --posix", "busybox sh", "mksh", "zsh --emulate sh"} {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.shell = strings.Fields(shell)
			path, err := exec.LookPath(m.shell[0])
			if err != nil {
				t.Skip(m.shell[0] + " is not installed")
			}
			m.shell[0] = path
			out, err := m.install(serve(t), "v1.2.3")
			require.NoError(t, err, out)
		})
	}
	for _, c := range []struct{ without, with string }{
		{"curl", "wget"}, {"sha256sum", "shasum"}, {"sha256sum shasum", "openssl"},
	} {
		t.Run(c.with, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			for _, tool := range strings.Fields(c.without) {
				_ = os.Remove(filepath.Join(m.bin, tool))
			}
			if !m.has(c.with) {
				m.give(c.with)
			}
			if !m.has(c.with) {
				t.Skip(c.with + " is not installed")
			}
			r := serve(t)
			out, err := m.install(r, "v1.2.3")
			require.NoError(t, err, out)
			sums := r.files["/download/v1.2.3/checksums.txt"]
			r.release("1.2.3", archive(t, "#!/bin/sh\ntouch "+m.home+"/evil\n"))
			r.files["/download/v1.2.3/checksums.txt"] = sums
			m.refuses(r, "is damaged or was changed", "v1.2.3")
		})
	}
}

func TestInstallForThisMachine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ system, machine, rosetta, archive string }{
		{"Linux", "x86_64", "", "linux_amd64"},
		{"Linux", "aarch64", "", "linux_arm64"},
		{"Darwin", "arm64", "", "darwin_arm64"},
		{"Darwin", "x86_64", "", "darwin_amd64"},
		{"Darwin", "x86_64", "1", "darwin_arm64"},
	} {
		t.Run(c.system+" "+c.machine+" "+c.rosetta, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.fake("uname", `[ "$1" = -s ] && echo `+c.system+` || echo `+c.machine+"\n")
			m.fake("sysctl", "echo "+c.rosetta+"\n")
			r := serve(t)
			out, err := m.install(r)
			require.NoError(t, err, out)
			require.Contains(t, r.asked, "/download/v1.2.3/deployer_1.2.3_"+c.archive+".tar.gz")
		})
	}
	for _, c := range []struct{ system, machine, says string }{
		{"MINGW64_NT-10.0", "x86_64", "scoop"},
		{"SunOS", "x86_64", "there is no deployer for SunOS"},
		{"Linux", "riscv64", "there is no deployer for the processor riscv64"},
	} {
		t.Run(c.system+" "+c.machine, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.fake("uname", `[ "$1" = -s ] && echo `+c.system+` || echo `+c.machine+"\n")
			r := serve(t)
			m.refuses(r, c.says)
			require.Empty(t, r.asked)
		})
	}
}

// A download that is tampered with, cut off or missing changes nothing.
func TestInstallRefuses(t *testing.T) {
	t.Parallel()
	const folder = "/download/v1.2.3/"
	here := func(r *releases) []string { // the archives: which one is asked for depends on the machine
		var names []string
		for name := range r.files {
			if strings.HasPrefix(name, folder) && strings.HasSuffix(name, ".tar.gz") {
				names = append(names, name)
			}
		}
		return names
	}
	for _, c := range []struct {
		name, says string
		spoil      func(*machine, *releases)
	}{
		{"a tampered archive", "is damaged or was changed", func(m *machine, r *releases) {
			for _, name := range here(r) {
				r.files[name] = archive(m.t, "#!/bin/sh\ntouch "+m.home+"/evil\n")
			}
		}},
		{"a cut archive", "cannot download", func(_ *machine, r *releases) {
			for _, name := range here(r) {
				r.cut[name] = true
			}
		}},
		{"a cut archive that looks complete", "is damaged or was changed", func(_ *machine, r *releases) {
			for _, name := range here(r) {
				r.files[name] = r.files[name][:len(r.files[name])/2]
			}
		}},
		{"no archive", "cannot download", func(_ *machine, r *releases) {
			for _, name := range here(r) {
				delete(r.files, name)
			}
		}},
		{"no checksums", "Does release v1.2.3 exist?", func(_ *machine, r *releases) {
			delete(r.files, folder+"checksums.txt")
		}},
		{"checksums of other files", "does not list deployer_1.2.3_", func(_ *machine, r *releases) {
			r.files[folder+"checksums.txt"] = r.files["/download/v1.3.0-rc.1/checksums.txt"]
		}},
		{"checksums that are a page", "does not list", func(_ *machine, r *releases) {
			r.files[folder+"checksums.txt"] = []byte("<html>log in first</html>")
		}},
		{"an archive that is none", "cannot unpack", func(_ *machine, r *releases) {
			r.release("1.2.3", []byte("no archive at all"))
		}},
		{"a program that does not run", "does not run here", func(m *machine, r *releases) {
			r.release("1.2.3", archive(m.t, "#!/bin/sh\necho wrong libc >&2; exit 1\n"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, r := newMachine(t), serve(t)
			c.spoil(m, r)
			m.refuses(r, c.says, "v1.2.3")
			require.NoFileExists(t, filepath.Join(m.home, "evil"))
		})
	}
	t.Run("no release for this machine", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		r.files["/latest/download/checksums.txt"] = []byte("")
		m.refuses(r, "the newest release has no file for")
	})
	t.Run("nothing to check with", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		for _, tool := range []string{"sha256sum", "shasum", "openssl"} {
			_ = os.Remove(filepath.Join(m.bin, tool))
		}
		m.refuses(r, "nothing is installed unchecked", "v1.2.3")
	})
}

// A wrong word on the command line is refused before anything is downloaded.
func TestInstallArguments(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		says string
		args []string
	}{
		{"unknown option --target", []string{"--target", "x"}},
		{"-b needs a value", []string{"-b"}},
		{"two versions: v1.2.3 and v1.3.0-rc.1", []string{"v1.2.3", "v1.3.0-rc.1"}},
		{`"../../evil" is not a version`, []string{"../../evil"}},
		{`"main" is not a version`, []string{"main"}},
		{`"1.2.3 x" is not a version`, []string{"1.2.3 x"}},
	} {
		m, r := newMachine(t), serve(t)
		m.refuses(r, c.says, c.args...)
		require.Empty(t, r.asked)
	}
	m := newMachine(t)
	out, err := m.pipe(m.read(script), "--help")
	require.NoError(t, err)
	require.Contains(t, out, "Usage: install.sh")
}

func TestInstallFolder(t *testing.T) {
	t.Parallel()
	t.Run("made when it is missing, also with a blank", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		m.target = filepath.Join(m.home, "my programs", "bin")
		m.environ = []string{"PATH=" + m.bin + ":" + m.target}
		out, err := m.install(serve(t))
		require.NoError(t, err, out)
		require.NotContains(t, out, "is not on PATH")
	})
	t.Run("read-only", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		m.target = readOnly(t, m)
		out, err := m.install(r)
		require.Error(t, err)
		require.Contains(t, out, "cannot write to "+m.target)
		require.Contains(t, out, "Choose another folder with -b")
		require.NotContains(t, out, "sudo")
		require.Empty(t, r.asked)
	})
	t.Run("a file", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		m.write(m.target, "a file")
		out, err := m.install(r)
		require.Error(t, err)
		require.Contains(t, out, "cannot write to "+m.target)
		require.Empty(t, r.asked)
	})
	t.Run("deployer is a folder", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		require.NoError(t, os.MkdirAll(filepath.Join(m.target, "deployer"), 0o755))
		out, err := m.install(r)
		require.Error(t, err)
		require.Contains(t, out, m.target+"/deployer is a folder")
	})
	t.Run("by default below the home of who may not write elsewhere", func(t *testing.T) {
		t.Parallel()
		if os.Getuid() == 0 {
			t.Skip("root may write to /usr/local/bin")
		}
		m := newMachine(t)
		out, err := m.pipe(m.read(script), "-u", serve(t).URL+"/releases")
		require.NoError(t, err, out)
		require.FileExists(t, filepath.Join(m.home, ".local", "bin", "deployer"))
	})
}

// readOnly is a folder that nobody, or at least this user, may write to.
func readOnly(t *testing.T, m *machine) string {
	t.Helper()
	if os.Getuid() == 0 { // permissions do not stop root; the kernel does
		for _, folder := range []string{"/sys/kernel", "/proc/self"} {
			if syscall.Access(folder, 2) != nil {
				return folder
			}
			if os.Mkdir(filepath.Join(folder, "deployer-test"), 0o755) != nil {
				return filepath.Join(folder, "bin")
			}
		}
		t.Skip("root may write everywhere here")
	}
	folder := filepath.Join(m.home, "read-only")
	require.NoError(t, os.Mkdir(folder, 0o555))
	return folder
}

// With cosign, the checksums must be signed by the release workflow for exactly this tag.
func TestInstallSignature(t *testing.T) {
	t.Parallel()
	const identity = "https://github.com/company/deployer/.github/workflows/release.yml@refs/tags/v1.2.3"
	record := func(m *machine, exit int) string {
		log := filepath.Join(m.home, "cosign.log")
		m.fake("cosign", fmt.Sprintf("echo \"$@\" >>%s\necho cosign says so\nexit %d\n", log, exit))
		return log
	}
	t.Run("valid", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t)
		log := record(m, 0)
		out, err := m.install(serve(t), "-v")
		require.NoError(t, err, out)
		require.Contains(t, out, "The signature is valid.")
		require.Contains(t, m.read(log), "--certificate-identity "+identity+
			" --certificate-oidc-issuer https://token.actions.githubusercontent.com")
		require.Contains(t, m.read(log), "checksums.txt")
	})
	t.Run("invalid", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		record(m, 1)
		m.refuses(r, "cosign says so\nError: the signature of deployer 1.2.3 is not valid", "v1.2.3")
	})
	t.Run("missing", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		record(m, 0)
		delete(r.files, "/download/v1.2.3/checksums.txt.sigstore.json")
		m.refuses(r, "It is the signature of the release.", "v1.2.3")
	})
	t.Run("demanded, without cosign", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		m.refuses(r, "cosign is missing", "--verify", "v1.2.3")
	})
}

func TestInstallThroughProxy(t *testing.T) {
	t.Parallel()
	t.Run("http", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		m.environ = []string{"http_proxy=" + r.URL} // a proxy is asked for the same paths
		out, err := m.pipe(m.read(script), "-u", "http://releases.invalid/releases", "-b", m.target)
		require.NoError(t, err, out)
		require.FileExists(t, filepath.Join(m.target, "deployer"))
	})
	t.Run("https", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		if !m.has("curl") {
			t.Skip("curl is not installed")
		}
		secure := httptest.NewTLSServer(r)
		t.Cleanup(secure.Close)
		proxy := httptest.NewServer(tunnel(secure.Listener.Addr().String()))
		t.Cleanup(proxy.Close)
		ca := filepath.Join(m.home, "ca.pem")
		m.write(ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
		m.environ = []string{"https_proxy=" + proxy.URL, "CURL_CA_BUNDLE=" + ca}
		out, err := m.pipe(m.read(script), "-u", "https://example.com/releases", "-b", m.target)
		require.NoError(t, err, out)
		require.FileExists(t, filepath.Join(m.target, "deployer"))
	})
	// Nobody between here and GitHub can send the script to a server without TLS.
	t.Run("never from https to http", func(t *testing.T) {
		t.Parallel()
		m, r := newMachine(t), serve(t)
		if !m.has("curl") {
			t.Skip("curl is not installed")
		}
		secure := httptest.NewTLSServer(http.RedirectHandler(r.URL+"/releases/latest/download/checksums.txt",
			http.StatusFound))
		t.Cleanup(secure.Close)
		ca := filepath.Join(m.home, "ca.pem")
		m.write(ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
		m.environ = []string{"CURL_CA_BUNDLE=" + ca}
		out, err := m.pipe(m.read(script), "-u", secure.URL+"/releases", "-b", m.target)
		require.Error(t, err, out)
		require.Empty(t, r.asked)
	})
}

// A script that was cut off while it came through the pipe does nothing, wherever it ends.
func TestInstallCutScript(t *testing.T) {
	t.Parallel()
	m, r := newMachine(t), serve(t)
	text := m.read(script)
	whole := len(strings.TrimRight(text, "\n"))
	var ends []int
	for i := range text[:whole] {
		// In the last lines everywhere, before that at the end of each fifth line: it is all one function.
		if i > whole-60 || text[i] == '\n' && strings.Count(text[:i], "\n")%5 == 0 {
			ends = append(ends, i)
		}
	}
	require.Greater(t, len(ends), 80)
	for _, end := range ends {
		out, _ := m.pipe(text[:end], "-u", r.URL+"/releases", "-b", m.target)
		require.Empty(t, r.asked, "cut at %d, after %q\n%s", end, text[max(0, end-20):end], out)
		require.NoDirExists(t, m.target)
	}
	out, err := m.pipe(text[:whole], "-u", r.URL+"/releases", "-b", m.target)
	require.NoError(t, err, out)
}
