// Command deployer deploys applications to AWS from YAML.
//
// In: arguments, environment and files, which internal/cli reads. Out: stdout, stderr and the exit code. It must not do
// more than call internal/cli.
package main

import (
	"os"

	"github.com/company/deployer/internal/cli"
)

func main() { os.Exit(cli.Main()) }
