package cli

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/component/container"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/follow"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/operate"
	"github.com/company/deployer/internal/state"
	"github.com/company/deployer/internal/view"
)

type portForwardOptions struct {
	target
	address, ports, through string
	forward                 operate.Forward
}

func newPortForward(f *Factory) *cobra.Command {
	o := &portForwardOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "port-forward ADDRESS [LOCAL:]REMOTE",
		Short: "Open a local port to a container, a database or a cache",
		Long: "Listen on a local port, and pass its connections on to a port of a component through a running task, " +
			"until Ctrl-C. A database or a cache is reached through a component that uses it, which needs " +
			"`exec: true`. No other program is needed on this machine. The history records who did it.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return diag.New(diag.Invalid, "Invalid usage", cmd.CommandPath()+" needs an address and ports.",
					"For instance: "+cmd.CommandPath()+" shop/database 15432:5432")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			o.address, o.ports = args[0], args[1]
			return portForwardRun(o)
		},
	}
	o.target.flags(cmd)
	cmd.ValidArgsFunction = o.completeAddress
	cmd.Flags().StringVar(&o.through, "through", "",
		"go through a task of this component: its `address`; by default one that uses the other")
	o.completeAddresses(cmd, "through")
	cmd.Flags().StringVar(&o.forward.Task, "task", "", "the task whose `id` begins so; the newest one by default")
	return cmd
}

// parsePorts reads LOCAL:REMOTE, or REMOTE for both.
func parsePorts(text string) (local, remote int, err error) {
	first, second, two := strings.Cut(text, ":")
	if !two {
		second = first
	}
	local, err1 := strconv.Atoi(first)
	remote, err2 := strconv.Atoi(second)
	if err1 != nil || err2 != nil || local < 0 || local > 65535 || remote < 1 || remote > 65535 {
		return 0, 0, diag.New(diag.Invalid, "Invalid ports", fmt.Sprintf("%q is not LOCAL:REMOTE.", text),
			"Give two ports from 1 to 65535, or one for both: 15432:5432")
	}
	return local, remote, nil
}

func portForwardRun(o *portForwardOptions) error {
	f := o.factory
	local, remote, err := parsePorts(o.ports)
	if err != nil {
		return err
	}
	o.forward.Port = remote
	c, err := o.way()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(f.Soft, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(local)))
	if err != nil {
		return diag.New(diag.Invalid, "Local port is taken",
			fmt.Sprintf("This machine cannot listen on port %d: %s.", local, err), "Name another one: 0 takes any.")
	}
	defer listener.Close()
	return c.Forward(f.Soft, o.forward, listener, operate.Show{
		Tell: func(text string) { view.News(f.Stderr(), o.address, text) },
		Warn: func(d *diag.Diagnostic) { f.warn(diag.List{d}) },
		Line: func(follow.Event) {},
	})
}

// way finds the component to go through, and the host as its tasks see it.
func (o *portForwardOptions) way() (*operate.Component, error) {
	f := o.factory
	key, back, err := o.open()
	if err != nil {
		return nil, err
	}
	s, err := observe.ReadPlace(f.Soft, back, key)
	if err != nil {
		return nil, o.slip(err)
	}
	chosen, err := observe.Select(s, o.address)
	if err != nil {
		return nil, err
	}
	through := chosen
	o.forward.Target, o.forward.Host = o.address, "localhost"
	if host, _, found := operate.Endpoint(chosen[0]); found {
		o.forward.Host = host
		if through = users(s, o.address); o.through == "" && len(through) == 0 {
			return nil, diag.New(diag.Invalid, "No way to it", "No component with containers uses it.",
				"Name one that can reach it: --through ADDRESS").For(o.address)
		}
	}
	if o.through != "" {
		if through, err = observe.Select(s, o.through); err != nil {
			return nil, err
		}
	}
	var first *operate.Component
	for _, one := range through {
		c, err := operate.Find(f.Soft, back, key, s.Stored, one)
		if err != nil {
			return nil, err
		}
		if c.Open() {
			return c, nil
		}
		if first == nil {
			first = c
		}
	}
	return first, nil // it says that ECS Exec is off
}

// users are the components with containers that may connect to another one: `uses` has made a rule for them.
func users(s *observe.Deployed, address string) []state.Component {
	rule := ":" + container.RuleTo(address)
	connected := map[string]bool{}
	for _, res := range s.Resources {
		if port, found := strings.CutPrefix(res.ID, res.Component+rule); found {
			if _, err := strconv.Atoi(port); err == nil {
				connected[res.Component] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(s.Payload.Components), func(c state.Component) bool {
		service, _ := c.Outputs["serviceName"].(string)
		return service == "" || !connected[c.Address]
	})
}
