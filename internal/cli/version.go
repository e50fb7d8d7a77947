package cli

import (
	"encoding/json"
	"os"
	"runtime"

	"github.com/spf13/cobra"
)

// The linker sets these.
var (
	version = "dev"
	commit  = ""
)

func processArgs() []string { return os.Args[1:] }

func newVersion(f *Factory) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			if asJSON {
				return json.NewEncoder(f.Out).Encode(map[string]string{
					"version": version, "commit": commit, "go": runtime.Version(),
					"platform": runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			w := f.Stdout()
			w.Printf("deployer %s %s/%s\n", version, runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
