package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/observe"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/value"
	"github.com/company/deployer/internal/view"
)

type metricsOptions struct {
	target
	component     string
	since, period string
	watch, json   bool
	interval      time.Duration
}

func newMetrics(f *Factory) *cobra.Command {
	o := &metricsOptions{target: target{factory: f}}
	cmd := &cobra.Command{
		Use:   "metrics",
		Short: "Show the metrics that matter, as charts",
		Long: "Read from CloudWatch the metrics that matter for each kind of component, and draw them with their " +
			"thresholds and the moments\n" +
			"of deployments.",
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return metricsRun(o) },
	}
	o.target.flags(cmd)
	cmd.Flags().StringVar(&o.component, "component", "", "only this component: its `address`")
	o.completeAddresses(cmd, "component")
	cmd.Flags().StringVar(&o.since, "since", "3h", "how far back: a `duration` such as 30m, 3h, 7d")
	cmd.Flags().StringVar(&o.period, "period", "",
		"one value per this `duration`: 1m, 5m, 1h (default: what fits a chart)")
	cmd.Flags().BoolVar(&o.watch, "watch", false, "show them again and again until interrupted")
	cmd.Flags().DurationVar(&o.interval, "interval", time.Minute, "time between two reports of --watch")
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

// CloudWatch keeps metrics for 15 months, and takes periods in whole minutes.
const longestSince = 455 * 24 * time.Hour

// span parses --since and --period.
func (o *metricsOptions) span() (since, period time.Duration, err error) {
	var problems diag.List
	parse := func(flag, text string) time.Duration {
		var d value.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			problems.Add(diag.New(diag.Invalid, "Invalid "+flag, diag.Sentence(err.Error()),
				"For instance: "+flag+" 1h"))
		}
		return time.Duration(d)
	}
	if since = parse("--since", o.since); len(problems) == 0 && (since < time.Minute || since > longestSince) {
		problems.Add(diag.New(diag.Invalid, "Invalid --since", "CloudWatch has values from a minute to 455 days ago.",
			"For instance: --since 3h"))
	}
	if o.period != "" {
		period = parse("--period", o.period)
		if len(problems) == 0 && (period < time.Minute || period%time.Minute != 0 || period > 24*time.Hour) {
			problems.Add(diag.New(diag.Invalid, "Invalid --period",
				"A period is a number of whole minutes, and at most a day.", "For instance: --period 5m"))
		}
		if len(problems) == 0 && since/period > 1440 {
			problems.Add(diag.New(diag.Invalid, "Too many values",
				"That is more than 1440 values per metric.", "Give a shorter --since or a longer --period."))
		}
	}
	return since, period, problems.Err()
}

func metricsRun(o *metricsOptions) error {
	f := o.factory
	since, period, err := o.span()
	if o.interval <= 0 {
		err = diag.Join(err, diag.New(diag.Invalid, "Invalid --interval",
			"The interval must be positive.", "For instance: --interval 1m"))
	}
	if err != nil {
		return err
	}
	look := func() (*report.Metrics, error) {
		key, back, err := o.open()
		if err != nil {
			return nil, err
		}
		m, err := observe.Metrics(f.Soft, back, key, o.component, observe.SpanOf(f.Now(), since, period))
		return m, o.slip(err)
	}
	show, end := o.screen()
	defer end()
	for again := false; ; again = true {
		m, err := look()
		if again && f.Soft.Err() != nil {
			return nil
		}
		if err == nil {
			err = show(m)
		}
		if err != nil || !o.watch {
			return err
		}
		select {
		case <-f.Soft.Done():
			return nil
		case <-time.After(max(o.interval, time.Second)):
		}
	}
}

// screen is where metrics are shown: with --watch on a terminal they are redrawn in place.
func (o *metricsOptions) screen() (show func(*report.Metrics) error, end func()) {
	f, nothing := o.factory, func() {}
	switch {
	case o.json:
		return func(m *report.Metrics) error { return view.JSON(f.Out, m) }, nothing
	case !o.watch || !f.OutTTY:
		return func(m *report.Metrics) error { view.Metrics(f.Stdout(), m); return nil }, nothing
	}
	screen := view.NewMetricsScreen(f.Stdout, f.Size)
	return func(m *report.Metrics) error { screen.Show(m); return nil }, screen.Close
}
