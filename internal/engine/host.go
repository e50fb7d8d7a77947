package engine

import (
	"errors"
	"fmt"
	"sync"

	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/env"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

// host gives the engine only our provider. It never looks for plugins on disk or on the network, and unlike Pulumi's
// own host it starts no server.
type host struct {
	provider plugin.Provider
	messages *messages
}

var _ plugin.Host = (*host)(nil)

var errNoPlugins = errors.New("deployer runs no plugins")

func (h *host) Provider(_ *plugin.Context, d workspace.PluginDescriptor, _ env.Env) (plugin.Provider, error) {
	if d.Name != packageName {
		return nil, fmt.Errorf("the state needs the provider plugin %q: %w", d.Name, errNoPlugins)
	}
	return h.provider, nil
}

func (h *host) Log(severity diag.Severity, _ sdk.URN, text string, _ int32) {
	h.messages.Logf(severity, diag.RawMessage("", text))
}
func (h *host) LogStatus(diag.Severity, sdk.URN, string, int32) {}
func (h *host) ServerAddr() string                              { return "" }
func (h *host) ReleaseContext(*plugin.Context) error            { return nil }

// calls in flight are finished, see Options.Hard
func (h *host) SignalCancellation() error                          { return nil }
func (h *host) StartDebugging(plugin.DebuggingInfo) error          { return errNoPlugins }
func (h *host) AttachDebugger(plugin.DebugSpec) bool               { return false }
func (h *host) Close() error                                       { return nil }
func (h *host) Loader(*plugin.Context) (*plugin.GrpcServer, error) { return nil, nil }
func (h *host) Mapper(*plugin.Context) (*plugin.GrpcServer, error) { return nil, nil }
func (h *host) Resolver(*plugin.Context) (*plugin.GrpcServer, error) {
	return nil, nil
}

func (h *host) PolicyAnalyzer(
	*plugin.Context, tokens.QName, string, *plugin.PolicyAnalyzerOptions,
) (plugin.Analyzer, error) {
	return nil, errNoPlugins
}

func (h *host) LanguageRuntime(*plugin.Context, string) (plugin.LanguageRuntime, error) {
	return nil, errNoPlugins
}

func (h *host) ResolvePlugin(*plugin.Context, workspace.PluginDescriptor) (*workspace.PluginInfo, error) {
	return nil, errNoPlugins
}

// messages keeps the engine's error messages, for the rare case that no error of ours explains why it stopped.
type messages struct {
	mu     sync.Mutex
	errors []string
}

var _ diag.Sink = (*messages)(nil)

// Logf implements diag.Sink.
func (m *messages) Logf(severity diag.Severity, d *diag.Diag, args ...any) {
	if severity != diag.Error {
		return
	}
	text := d.Message
	if !d.Raw && len(args) > 0 {
		text = fmt.Sprintf(text, args...)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errors = append(m.errors, clean(text))
}

func (m *messages) Debugf(*diag.Diag, ...any)        {}
func (m *messages) Infof(*diag.Diag, ...any)         {}
func (m *messages) Infoerrf(*diag.Diag, ...any)      {}
func (m *messages) Warningf(*diag.Diag, ...any)      {}
func (m *messages) Errorf(d *diag.Diag, args ...any) { m.Logf(diag.Error, d, args...) }

// first returns the first error with a text, "" when there is none.
func (m *messages) first() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, text := range m.errors {
		if text != "" {
			return text
		}
	}
	return ""
}
