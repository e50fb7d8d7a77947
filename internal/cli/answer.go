package cli

import (
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/view"
)

// answer is stdout. It remembers whether a command has begun to write its result. JSON is one document, so later errors
// are on stderr only.
type answer struct {
	io.Writer
	begun bool
}

func (a *answer) Write(data []byte) (int, error) {
	a.begun = a.begun || len(data) > 0
	return a.Writer.Write(data)
}

// jsonWanted reports whether the command line asks for JSON, also when parsing its flags failed.
func jsonWanted(ran *cobra.Command, args []string) bool {
	if ran != nil {
		if flag := ran.Flags().Lookup("json"); flag != nil && flag.Changed {
			yes, _ := strconv.ParseBool(flag.Value.String()) // pflag has parsed it
			return yes
		}
		if flag := ran.Flags().Lookup("format"); flag != nil && flag.Value.String() == view.FormatJSON {
			return true
		}
	}
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.ContainsFunc(args, func(arg string) bool {
		name, value, given := strings.Cut(arg, "=")
		yes, err := strconv.ParseBool(value)
		return name == "--json" && (!given || err == nil && yes)
	})
}
