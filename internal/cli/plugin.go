package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"

	"github.com/company/deployer/internal/aws/catalog"
	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state/session"
)

// isPlugin reports whether this process was started by the name of the provider plugin: the stock pulumi CLI starts a
// link to the binary.
func isPlugin() bool {
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe") == engine.PluginExecutable
}

// servePlugin is the provider plugin: it listens on this machine only, says its port on stdout, and answers until the
// pulumi CLI ends it. The first argument is the CLI's own address.
func servePlugin(f *Factory, args []string) int {
	f.root = newRoot(f) // the log names the command
	cli := ""
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		cli = args[0]
	}
	l, err := (&net.ListenConfig{}).Listen(f.Soft, "tcp", "127.0.0.1:0")
	if err == nil {
		_, port, _ := net.SplitHostPort(l.Addr().String())
		if _, err = fmt.Fprintln(f.Out, port); err == nil {
			p := &engine.Plugin{Version: version, Types: catalog.New(sdk.Config{}), Tell: inWords, Open: f.openPlace}
			err = p.Serve(f.Soft, l, cli)
		}
	}
	if err != nil && f.Soft.Err() == nil {
		_, _ = fmt.Fprintln(f.Err, "The plugin of deployer ended:", inWords(err))
		return exitFailed
	}
	return exitOK
}

// openPlace returns the catalog for reading in a place, with the credentials of the configuration. Credentials of
// another account would find nothing, and a refresh would say that everything was deleted.
func (f *Factory) openPlace(ctx context.Context, place engine.Place) (*resource.Catalog, error) {
	effective, err := f.Config()
	if err != nil {
		return nil, err
	}
	credentials, err := backend.NewSession(ctx, f.world(effective.Settings), place.Region)
	if err != nil {
		return nil, err
	}
	if place.Account != "" {
		who, err := credentials.Identity(ctx)
		if err != nil {
			return nil, err
		}
		if who.Account != place.Account {
			return nil, session.WrongAccount(place.Account, who.Account)
		}
	}
	return catalog.New(credentials.Config(place.Region)), nil
}

// inWords is an error in one text, for programs that show nothing else.
func inWords(err error) string {
	var d *diag.Diagnostic
	if !errors.As(err, &d) {
		return err.Error()
	}
	return strings.TrimSpace(d.Error() + " " + d.Next)
}
