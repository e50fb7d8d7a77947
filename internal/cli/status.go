package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/view"
)

type statusOptions struct {
	target
	component   string
	watch, json bool
	interval    time.Duration
}

func newStatus(f *Factory) *cobra.Command {
	o := &statusOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what runs, and whether it is healthy",
		Long: "Ask AWS about everything that is deployed, and show for each component whether it exists and " +
			"is healthy, how many tasks run, and which revision and\n" +
			"image they use. The exit code is 1 unless every component is healthy or updating.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return statusRun(o) },
	}
	o.target.flags(cmd)
	cmd.Flags().StringVar(&o.component, "component", "", "only this component: its `address`")
	o.completeAddresses(cmd, "component")
	cmd.Flags().BoolVar(&o.watch, "watch", false, "show the status repeatedly, until interrupted")
	cmd.Flags().DurationVar(&o.interval, "interval", 5*time.Second, "time between two reports of --watch")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func statusRun(o *statusOptions) error {
	f := o.factory
	if o.interval <= 0 {
		return diag.New(diag.Invalid, "Invalid --interval", "The interval must be positive.",
			"For instance: --interval 10s")
	}
	if !o.watch {
		status, err := o.look()
		if err != nil {
			return err
		}
		if o.json {
			err = view.JSON(f.Out, status)
		} else {
			view.Status(f.Stdout(), status, f.Now())
		}
		if err == nil && !status.Healthy {
			err = &exitError{exitFailed}
		}
		return err
	}
	return o.watching()
}

// watching shows the status again and again until a signal, which is the usual end, or an error.
func (o *statusOptions) watching() error {
	f := o.factory
	show, resized, end := o.screen()
	defer end()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for again := false; ; again = true {
		status, err := o.look()
		if again && f.Soft.Err() != nil {
			return nil
		}
		if err == nil {
			err = show(status)
		}
		if err != nil {
			return err
		}
		for next := time.After(max(o.interval, time.Second)); next != nil; {
			select {
			case <-f.Soft.Done():
				return nil
			case <-tick.C:
				resized()
			case <-next:
				next = nil
			}
		}
	}
}

// look reads the status once.
func (o *statusOptions) look() (*report.Status, error) {
	key, back, err := o.open()
	if err != nil {
		return nil, err
	}
	status, err := observe.Status(o.factory.Soft, back, key, o.component)
	return status, o.slip(err)
}

// screen is the display of --watch: redrawn in place on a terminal, changes as lines elsewhere, a document each with
// --json.
func (o *statusOptions) screen() (show func(*report.Status) error, resized, end func()) {
	f, nothing := o.factory, func() {}
	if o.json {
		return func(s *report.Status) error { return view.JSON(f.Out, s) }, nothing, nothing
	}
	if !f.OutTTY {
		lines := view.NewStatusLines(f.Stdout(), f.Now)
		return func(s *report.Status) error { lines.Show(s); return nil }, nothing, nothing
	}
	screen := view.NewStatusScreen(f.Stdout, f.Size, f.Now)
	return func(s *report.Status) error { screen.Show(s); return nil }, screen.Resized, screen.Close
}
