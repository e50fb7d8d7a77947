// Command deployer deploys applications to AWS from YAML.
package main

import (
	"os"

	"github.com/company/deployer/internal/cli"
)

func main() { os.Exit(cli.Main()) }
