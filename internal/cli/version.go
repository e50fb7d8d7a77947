package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/release"
)

// The linker sets these.
var (
	version = "dev"
	commit  = ""
)

func processArgs() []string { return os.Args[1:] }

// releasesVariable names a mirror of the releases, for install.sh too.
const releasesVariable = "DEPLOYER_RELEASES_URL"

func newVersion(f *Factory) *cobra.Command {
	var asJSON, check bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version",
		Long: "Show the version. With --check, also ask whether there is a newer release; without a network this is " +
			"a warning, never an error.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return versionRun(f, check, asJSON) },
	}
	cmd.Flags().BoolVar(&check, "check", false, "ask whether there is a newer release (mirror: "+releasesVariable+")")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// versionFacts is the JSON of the command.
type versionFacts struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// With --check.
	Newest   string `json:"newest,omitempty"`   // "": it could not be asked
	UpToDate *bool  `json:"upToDate,omitempty"` // nil: not known
}

func versionRun(f *Factory, check, asJSON bool) error {
	facts := versionFacts{
		Version: version, Commit: commit, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
	}
	order := release.Unknown
	if check {
		var err error
		if facts.Newest, err = f.newestRelease(); err != nil {
			f.warn(diag.List{unknownRelease(err)})
		}
		if order = release.Compare(version, facts.Newest); order != release.Unknown {
			upToDate := order != release.Older
			facts.UpToDate = &upToDate
		}
	}
	if asJSON {
		return json.NewEncoder(f.Out).Encode(facts)
	}
	w := f.Stdout()
	w.Printf("deployer %s %s\n", version, facts.Platform)
	if facts.Newest != "" {
		w.Printf("%s\n", comparedWith(facts.Newest, order))
	}
	return nil
}

// comparedWith says what the newest release means for this one.
func comparedWith(newest string, order release.Order) string {
	switch order {
	case release.Older:
		return "Release " + newest + " is newer. Install it: " + release.Home + "/tag/v" + newest
	case release.Newer:
		return "This is newer than the newest release, " + newest + "."
	case release.Same:
		return "This is the newest release."
	}
	return "The newest release is " + newest + ". This program was not built from a release."
}

// releasePatience is how long the address of the releases may take: nobody should wait for a hint.
const releasePatience = 5 * time.Second

func (f *Factory) newestRelease() (string, error) {
	ctx, stop := context.WithTimeout(f.Soft, releasePatience)
	defer stop()
	return release.Newest(ctx, http.DefaultClient, cmp.Or(f.Env[releasesVariable], release.Home))
}

func unknownRelease(err error) *diag.Diagnostic {
	return &diag.Diagnostic{
		Severity: diag.Warning, Code: diag.Failed, Summary: "The newest release is not known",
		Detail: err.Error() + ".", Next: "With a mirror, set " + releasesVariable + " to its address.",
	}
}
