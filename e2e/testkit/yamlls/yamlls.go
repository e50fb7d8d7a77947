// Package yamlls drives the YAML language server, in the version of package-lock.json, as an editor does.
//
// What comes in: Node and npm on PATH, a folder, and the text of files. What goes out: what an editor would show.
//
// What it must not do: reach the network for schemas: an answer that depends on it proves nothing.
package yamlls

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/company/deployer/e2e/testkit/child"
)

//go:embed package.json
var manifest []byte

//go:embed package-lock.json
var locked []byte

// Version is the version in package.json.
const Version = "1.25.0"

// Server is a running language server.
type Server struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	settings map[string]any
	calls    int
}

// Diagnostic is a problem that the editor underlines.
type Diagnostic struct {
	Message string
	Range   struct{ Start struct{ Line int } }
}

// message is a message of JSON-RPC.
type message struct {
	ID     json.RawMessage `json:"id,omitempty"`
	Method string          `json:"method,omitempty"`
	Params json.RawMessage `json:"params,omitempty"`
	Result json.RawMessage `json:"result,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
}

// Start installs the server if it is not in the cache, and starts it in a folder. schemas are the schemas of files
// without a modeline: patterns of files by the path of a schema. It reports slow steps to progress.
func Start(ctx context.Context, folder string, schemas map[string][]string, progress func(string)) (*Server, error) {
	node, dir, err := child.InstallPackage(ctx,
		child.Package{Name: "yamlls", Version: Version, Manifest: manifest, Locked: locked}, progress)
	if err != nil {
		return nil, err
	}
	s := &Server{settings: map[string]any{
		"validate": true, "completion": true, "hover": true, "schemas": schemas,
		"schemaStore": map[string]any{"enable": false}, "format": map[string]any{"enable": false},
	}}
	s.cmd = exec.CommandContext(ctx, node,
		filepath.Join(dir, "node_modules", "yaml-language-server", "bin", "yaml-language-server"), "--stdio")
	s.cmd.Dir, s.cmd.Stderr = folder, os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s.out = bufio.NewReader(out)
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	return s, s.greet(folder)
}

func (s *Server) greet(folder string) error {
	uri := URI(folder)
	_, err := s.call("initialize", map[string]any{
		"processId": os.Getpid(), "rootUri": uri,
		"workspaceFolders": []any{map[string]any{"uri": uri, "name": "repository"}},
		"capabilities": map[string]any{
			"workspace": map[string]any{"configuration": true, "workspaceFolders": true},
			"textDocument": map[string]any{
				"hover": map[string]any{"contentFormat": []string{"plaintext"}},
				"completion": map[string]any{
					"completionItem": map[string]any{"documentationFormat": []string{"plaintext"}},
				},
			},
		},
	})
	return errors.Join(err, s.tell("initialized", map[string]any{}),
		s.tell("workspace/didChangeConfiguration", map[string]any{"settings": map[string]any{"yaml": s.settings}}))
}

// Close ends the server.
func (s *Server) Close() error {
	err := s.in.Close()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	return err
}

// URI is the address of a file.
func URI(path string) string { return "file://" + filepath.ToSlash(path) }

// Open opens a file with a text, and returns what the editor underlines.
func (s *Server) Open(path, text string) ([]Diagnostic, error) {
	err := s.tell("textDocument/didOpen", map[string]any{"textDocument": map[string]any{
		"uri": URI(path), "languageId": "yaml", "version": 1, "text": text,
	}})
	if err != nil {
		return nil, err
	}
	for {
		m, err := s.next()
		if err != nil {
			return nil, err
		}
		var told struct {
			URI         string
			Diagnostics []Diagnostic
		}
		if m.Method != "textDocument/publishDiagnostics" {
			continue
		}
		if err := json.Unmarshal(m.Params, &told); err != nil {
			return nil, err
		}
		if told.URI == URI(path) {
			return told.Diagnostics, nil
		}
	}
}

// Complete returns the words that the editor offers at a place; line and column begin at 0.
func (s *Server) Complete(path string, line, column int) ([]string, error) {
	result, err := s.call("textDocument/completion", place(path, line, column))
	if err != nil {
		return nil, err
	}
	var list struct{ Items []struct{ Label string } }
	if err := json.Unmarshal(result, &list); err != nil {
		return nil, err
	}
	var words []string
	for _, item := range list.Items {
		words = append(words, item.Label)
	}
	return words, nil
}

// Hover returns what the editor shows about a place.
func (s *Server) Hover(path string, line, column int) (string, error) {
	result, err := s.call("textDocument/hover", place(path, line, column))
	return string(result), err
}

func place(path string, line, column int) any {
	return map[string]any{
		"textDocument": map[string]any{"uri": URI(path)},
		"position":     map[string]any{"line": line, "character": column},
	}
}

func (s *Server) tell(method string, params any) error {
	return s.send(map[string]any{"jsonrpc": "2.0", "method": method, "params": params})
}

func (s *Server) call(method string, params any) (json.RawMessage, error) {
	s.calls++
	id := strconv.Itoa(s.calls)
	err := s.send(map[string]any{"jsonrpc": "2.0", "id": s.calls, "method": method, "params": params})
	for err == nil {
		var m message
		if m, err = s.next(); err == nil && m.Method == "" && string(m.ID) == id {
			if m.Error != nil {
				return nil, fmt.Errorf("%s: %s", method, m.Error)
			}
			return m.Result, nil
		}
	}
	return nil, err
}

// next reads the next message, and answers it if it is a question.
func (s *Server) next() (message, error) {
	var m message
	head, err := textproto.NewReader(s.out).ReadMIMEHeader()
	if err != nil {
		return m, err
	}
	size, err := strconv.Atoi(strings.TrimSpace(head.Get("Content-Length")))
	if err != nil {
		return m, err
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(s.out, body); err != nil {
		return m, err
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Method == "" || m.ID == nil {
		return m, err
	}
	var answer any
	if m.Method == "workspace/configuration" {
		var asked struct{ Items []struct{ Section string } }
		if err := json.Unmarshal(m.Params, &asked); err != nil {
			return m, err
		}
		values := []any{}
		for _, item := range asked.Items {
			if item.Section == "yaml" {
				values = append(values, s.settings)
				continue
			}
			values = append(values, map[string]any{})
		}
		answer = values
	}
	return m, s.send(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": answer})
}

func (s *Server) send(m any) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.in, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return err
}
