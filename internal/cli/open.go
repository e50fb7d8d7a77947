package cli

import (
	"os"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/deploy"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/manifest"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/state"
)

// ConfigFor returns the settings with those of a stack's stack.yaml; with "" those without.
func (f *Factory) ConfigFor(stack string) (*config.Effective, error) {
	root := f.Root()
	if stack == "" || root == "" {
		return f.Config()
	}
	name, settings := manifest.StackSettings(root, stack)
	layer, problems := config.File(name, settings.Tree, settings.Locate, f.Env)
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return f.Config(layer)
}

// world is what the road is opened with.
func (f *Factory) world(settings config.Settings) deploy.World {
	return deploy.World{
		Root: f.Root(), Home: f.Home, Settings: settings, Env: f.Env, Now: f.Now, Version: version,
		Command: "deployer " + f.command(), Flags: f.backendFlags(), Hard: f.Hard, OnLock: f.OnLock, Log: f.log,
	}
}

// backendFlags are those of this command line that say where the backend is.
func (f *Factory) backendFlags() []string {
	var out []string
	for _, flag := range [][2]string{
		{"--config", f.global.configFile}, {"--backend-bucket", f.global.bucket}, {"--backend-region", f.global.region}, {"--lock-table", f.global.lockTable},
	} {
		if flag[1] != "" {
			out = append(out, flag[0], flag[1])
		}
	}
	return out
}

// Road opens the road for a stack, whose stack.yaml may name a backend of its own.
func (f *Factory) Road(key state.Key) (*deploy.Road, error) {
	effective, err := f.ConfigFor(key.Stack)
	if err != nil {
		return nil, err
	}
	if effective.Settings.Backend.Type == "local" && f.Root() == "" {
		_, err := f.RequireRoot()
		return nil, err
	}
	return deploy.Open(f.Soft, f.world(effective.Settings))
}

// Backend opens the road for commands about the backend as a whole: that of the stack whose folder we are in, or of the only one.
func (f *Factory) Backend() (*deploy.Road, error) {
	stack, _ := (&target{factory: f}).Stack() // without one, the backend of the configuration
	return f.Road(state.Key{Stack: stack})
}

// refuseLocalStateInCI stops an apply whose state would be gone with the CI machine.
func (f *Factory) refuseLocalStateInCI(allowed bool) error {
	effective, err := f.Config()
	if err != nil {
		return err
	}
	if ci := f.Env["CI"]; allowed || ci == "" || ci == "false" || effective.Settings.Backend.Type == "s3" {
		return nil
	}
	return diag.New(diag.Invalid, "Local state in CI", "The state would be kept on this CI machine and be gone with it.",
		"Configure a bucket and a table (DEPLOYER_BACKEND_BUCKET, DEPLOYER_LOCKS_TABLE), or give --local-state if this machine keeps its disk.")
}

// lastDeployments asks the backend of a stack for the last deployment of each environment.
func (f *Factory) lastDeployments(stack string, environments []string) ([]observe.Environment, error) {
	road, err := f.Road(state.Key{Stack: stack})
	if err != nil {
		return nil, err
	}
	return road.Last(f.Soft, stack, environments)
}

// keys are all stacks and environments of the manifests.
func (f *Factory) keys() []state.Key {
	root := f.Root()
	if root == "" {
		return nil
	}
	stacks, _ := manifest.Stacks(root) // what cannot be read has no locks to look for
	var out []state.Key
	for _, stack := range stacks {
		environments, _ := manifest.Environments(root, stack)
		for _, environment := range environments {
			out = append(out, state.Key{Stack: stack, Environment: environment})
		}
	}
	return out
}

// unreadable is the error for a file that a flag names.
func unreadable(err error) error {
	return diag.New(diag.Invalid, "Cannot read a file", err.Error()+".", "")
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
