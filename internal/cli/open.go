package cli

import (
	"context"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/aws/cloudtrail"
	"github.com/company/deployer/internal/aws/cloudwatch"
	"github.com/company/deployer/internal/aws/ecr"
	"github.com/company/deployer/internal/aws/logs"
	"github.com/company/deployer/internal/aws/servicequotas"
	"github.com/company/deployer/internal/aws/tagging"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/image"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/registry"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// ConfigFor returns the settings, including those of the stack's stack.yaml unless stack is "".
func (f *Factory) ConfigFor(stack string) (*config.Effective, error) {
	root := f.Root()
	if stack == "" || root == "" {
		return f.Config()
	}
	name, settings, unread := manifest.StackSettings(root, stack)
	f.unread = unread
	layer, problems := config.File(name, settings.Tree, settings.Locate, f.Env)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return f.Config(layer)
}

// stackSettings finds problems of spec.backend and spec.locks in a stack.yaml, without other settings. The environment
// variables that they name may be set elsewhere only.
func (f *Factory) stackSettings(root, stack string) diag.List {
	name, settings, _ := manifest.StackSettings(root, stack) // loading the manifests reports an unreadable file
	layer, _ := config.File(name, settings.Tree, settings.Locate, f.Env)
	_, found := config.Load(layer)
	return slices.DeleteFunc(found, func(d *diag.Diagnostic) bool {
		// The manifests report these, too.
		return d.Position == nil || d.Position.File != name || d.Summary == "Unknown key"
	})
}

// StoredBackend is Backend for commands that work from the state alone. A stack.yaml that cannot be read does not stop
// them, but it may name another backend for the state.
func (f *Factory) StoredBackend(key state.Key) (*backend.Backend, error) {
	back, err := f.Backend(key)
	if err == nil && f.unread.HasErrors() {
		first := f.unread[0]
		w := diag.New(diag.Invalid, "Cannot read stack.yaml", first.Summary+": "+first.Detail,
			"If it configures the backend, correct it, or give --backend-bucket and --lock-table: now "+
				back.Location()+" is used.")
		w.Severity, w.Position, w.Excerpt = diag.Warning, first.Position, first.Excerpt
		f.warn(diag.List{w})
	}
	return back, err
}

// world is the environment in which a backend is opened.
func (f *Factory) world(settings config.Settings) backend.World {
	return backend.World{
		Root: f.Root(), Home: f.Home, Settings: settings, Env: f.Env, Now: f.Now, Version: version,
		Command: "deployer " + f.command(), Flags: f.backendFlags(), Hard: f.Hard, OnLock: f.OnLock, Log: f.log,
		NoHome: f.noHome, Types: catalog.New, Index: tagging.Find, Metrics: cloudwatch.Read,
		Trail: cloudtrail.Read,
		Logs:  logs.Source,
		Quota: func(ctx context.Context, cfg aws.Config, service, code string) (float64, error) {
			return servicequotas.Get(ctx, cfg, servicequotas.Of(service, code))
		},
		Images: func(cfg aws.Config) image.Finder {
			return ecr.New(cfg, registry.New(registry.ReadDockerConfig(f.Env, f.Home, f.ReadFile)))
		},
	}
}

// backendFlags are the flags of this command line that select the backend.
func (f *Factory) backendFlags() []string {
	var out []string
	for _, flag := range [][2]string{
		{"--config", f.global.configFile},
		{"--backend-bucket", f.global.bucket},
		{"--backend-region", f.global.region},
		{"--lock-table", f.global.lockTable},
	} {
		if flag[1] != "" {
			out = append(out, flag[0], flag[1])
		}
	}
	return out
}

// Backend opens the backend of a stack, whose stack.yaml may name a backend of its own.
func (f *Factory) Backend(key state.Key) (*backend.Backend, error) {
	effective, err := f.ConfigFor(key.Stack)
	if err != nil {
		return nil, err
	}
	if effective.Settings.Backend.Type == "local" && f.Root() == "" {
		_, err := f.RequireRoot()
		if d := diag.From(err); f.Workdir != "" && len(d) == 1 {
			d[0].Next = "Change to your repository, or name the place of the state: --backend-bucket and --lock-table."
		}
		return nil, err
	}
	return backend.Open(f.Soft, f.world(effective.Settings))
}

// BackendHere opens the backend for commands about the whole backend. It is the backend of the stack whose folder we
// are in, or of the only stack.
func (f *Factory) BackendHere() (*backend.Backend, error) {
	stack, _ := (&target{factory: f}).Stack() // without one, the backend of the configuration
	return f.Backend(state.Key{Stack: stack})
}

// refuseLocalStateInCI stops an apply whose state would be lost with the CI machine. The backend is open.
func (f *Factory) refuseLocalStateInCI(allowed bool) error {
	if ci := f.Env["CI"]; allowed || ci == "" || ci == "false" || f.loaded.Settings.Backend.Type == "s3" {
		return nil
	}
	return diag.New(diag.Invalid, "Local state in CI",
		"The state would be kept on this CI machine and would be lost with it.",
		"Configure a bucket and a table (DEPLOYER_BACKEND_BUCKET, DEPLOYER_LOCKS_TABLE), or give --local-state if "+
			"this machine keeps its disk.")
}

// deployedStates are the states of each backend that was read, by its location.
type deployedStates map[string][]report.State

func (d deployedStates) of(f *Factory, back *backend.Backend) ([]report.State, error) {
	if states, asked := d[back.Location()]; asked {
		return states, nil
	}
	states, err := observe.States(f.Soft, back)
	if err == nil {
		d[back.Location()] = states
	}
	return states, err
}

// lastDeployments asks the backend of a stack for the last deployment of each environment. It covers the environments
// of the manifests and those that are deployed although no file names them any more.
func (f *Factory) lastDeployments(
	stack string, environments []string, deployed deployedStates,
) ([]report.Environment, error) {
	back, err := f.Backend(state.Key{Stack: stack})
	if err != nil {
		return nil, err
	}
	states, err := deployed.of(f, back)
	if err != nil {
		return nil, err
	}
	all := slices.Clone(environments)
	for _, s := range states {
		if s.Stack == stack && !slices.Contains(all, s.Environment) {
			all = append(all, s.Environment)
		}
	}
	last, err := observe.Last(f.Soft, back, stack, all)
	out := []report.Environment{}
	for _, e := range last {
		e.NoFile = !slices.Contains(environments, e.Name)
		if e.NoFile && e.Result == string(state.Destroyed) {
			continue // everything was destroyed
		}
		out = append(out, e)
	}
	return out, err
}

// stacksWithoutFolder are stacks that are in the backends but not in the manifests.
func (f *Factory) stacksWithoutFolder(stacks []string, deployed deployedStates) ([]string, error) {
	back, err := f.Backend(state.Key{}) // the backend of the configuration, not of a stack
	if err != nil {
		return nil, err
	}
	if _, err := deployed.of(f, back); err != nil {
		return nil, err
	}
	var out []string
	for _, s := range deployed[back.Location()] {
		if !slices.Contains(stacks, s.Stack) && !slices.Contains(out, s.Stack) {
			out = append(out, s.Stack)
		}
	}
	slices.Sort(out)
	return out, nil
}

// keys are all stacks and environments of the manifests.
func (f *Factory) keys() []state.Key {
	root := f.Root()
	if root == "" {
		return nil
	}
	stacks, _ := manifest.Stacks(root) // without stacks, there are no locks to look for
	var out []state.Key
	for _, stack := range stacks {
		environments, _ := manifest.Environments(root, stack)
		for _, environment := range environments {
			out = append(out, state.Key{Stack: stack, Environment: environment})
		}
	}
	return out
}

// unreadable is the error for a file that the user named: it is an input error.
func unreadable(summary string, err error) error {
	if d := diag.File(diag.Invalid, summary, err); d != nil {
		return d
	}
	return diag.New(diag.Invalid, summary, err.Error()+".", "")
}

// unwritable is the error for a file that is a result.
func unwritable(summary string, err error) error {
	if d := diag.File(diag.Failed, summary, err); d != nil {
		return d
	}
	return diag.New(diag.Failed, summary, err.Error()+".", "")
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
