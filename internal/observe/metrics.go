package observe

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/backend"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
	"github.com/company/deployer/internal/state"
)

// A chart shows about this many values.
const values = 90

// AWS sends one value a day of some metrics: of those, the last days are shown.
const day, days = 24 * time.Hour, 14

// SpanOf returns the span of time before now, in whole periods. Without a period it takes one that gives a chart about
// 90 values. CloudWatch keeps periods of a minute for 15 days, of five minutes for 63 days.
func SpanOf(now time.Time, since, period time.Duration) resource.Span {
	for _, p := range []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, day} {
		if period == 0 && (since/p <= values || p == day) {
			period = p
		}
	}
	to := now.UTC().Truncate(period).Add(period)
	return resource.Span{From: to.Add(-max(since.Round(period), period)), To: to, Period: period}
}

// Metrics reads the metrics of everything in the state of a stack, or of the one component of that address, and the
// moments of deployments. It reads the state, then metrics and history in parallel.
func Metrics(
	ctx context.Context, b *backend.Backend, key state.Key, address string, span resource.Span,
) (*report.Metrics, error) {
	stored, err := ReadPlace(ctx, b, key)
	if err != nil {
		return nil, err
	}
	components, err := Select(stored, address)
	if err != nil {
		return nil, err
	}
	where, err := b.PlaceOf(ctx, stored.Snapshot.Envelope)
	if err != nil {
		return nil, err
	}
	out := &report.Metrics{
		Stack: key.Stack, Environment: key.Environment, From: span.From, To: span.To,
		Period: int(span.Period.Seconds()), Deployments: []report.Moment{}, Components: []report.ComponentMetrics{},
	}
	catalog := b.World.Types(where.Reading())
	// daily metrics need a span of their own
	var usual, daily []resource.Metric
	var at []*report.Metric // usual ones first
	var late []*report.Metric
	all := measured(stored, catalog, components)
	for i := range all {
		c := &all[i]
		out.Components = append(out.Components, c.report)
		to := &out.Components[len(out.Components)-1]
		for j, m := range c.metrics {
			if m.Daily {
				daily, late = append(daily, m), append(late, &to.Metrics[j])
			} else {
				usual, at = append(usual, m), append(at, &to.Metrics[j])
			}
		}
	}
	var both errgroup.Group
	read := func(metrics []resource.Metric, span resource.Span, to []*report.Metric) func() error {
		return func() error {
			if len(metrics) == 0 {
				return nil
			}
			found, err := b.World.Metrics(ctx, where.Reading(), metrics, span)
			for i := range found {
				to[i].Points = found[i]
				if n := len(found[i]); n > 0 {
					to[i].Beyond = metrics[i].Threshold.Broken(found[i][n-1].Value)
				}
			}
			return err
		}
	}
	both.Go(read(usual, span, at))
	both.Go(read(daily, SpanOf(span.To.Add(-time.Second), days*day, day), late))
	both.Go(func() error {
		past, err := History(ctx, b, key, 50)
		if err != nil {
			return err
		}
		for _, d := range slices.Backward(past) {
			if d.Problem == "" && d.At.After(span.From) {
				out.Deployments = append(out.Deployments,
					report.Moment{Version: d.Version, Result: d.Result, At: d.At})
			}
		}
		return nil
	})
	return out, both.Wait()
}

type measuredComponent struct {
	report  report.ComponentMetrics
	metrics []resource.Metric
}

// measured lists the components that have metrics, with what their observers name.
func measured(stored *Deployed, catalog *resource.Catalog, components []state.Component) []measuredComponent {
	stack := present(stored)
	var out []measuredComponent
	for _, c := range components {
		one := measuredComponent{report: report.ComponentMetrics{Address: c.Address, Kind: c.Kind}}
		for observer, seen := range observers(catalog, stack, c.Address) {
			for _, m := range observer.Metrics(seen) {
				one.metrics = append(one.metrics, m)
				one.report.Metrics = append(one.report.Metrics, reportOf(seen.Object, m))
			}
		}
		if len(one.metrics) > 0 {
			out = append(out, one)
		}
	}
	return out
}

func reportOf(o resource.Object, m resource.Metric) report.Metric {
	out := report.Metric{
		Resource: o.Resource, Name: m.Name, Title: m.Title, Group: m.Group, Unit: string(m.Unit),
		Statistic: m.Statistic, PerMinute: m.PerMinute, Points: []report.Point{},
	}
	if m.Threshold != nil {
		out.Threshold = &report.Threshold{Value: m.Threshold.Value, Below: m.Threshold.Below, Why: m.Threshold.Why}
	}
	return out
}
