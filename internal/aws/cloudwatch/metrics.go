// Package cloudwatch reads metrics of Amazon CloudWatch.
//
// In: metrics as observers of resource types name them, and a span of time. Out: their values. It only reads, and must
// not know a resource type.
package cloudwatch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"golang.org/x/sync/errgroup"

	"github.com/company/deployer/internal/aws/call"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

// atATime is how many metrics GetMetricData takes in a call.
const atATime = 500

// Permissions are what Read needs.
func Permissions() []resource.Statement {
	return []resource.Statement{{
		Actions: []string{"cloudwatch:GetMetricData"}, Why: "metrics, for people", Looks: true,
	}}
}

// Read returns the values of metrics, in their order and by time. AWS API: cloudwatch:GetMetricData, in one call per
// 500 metrics.
func Read(
	ctx context.Context, cfg aws.Config, metrics []resource.Metric, span resource.Span,
) ([][]report.Point, error) {
	client := cloudwatch.NewFromConfig(cfg)
	out := make([][]report.Point, len(metrics))
	indexes := make([]int, len(metrics))
	for i := range metrics {
		indexes[i] = i
	}
	group, ctx := errgroup.WithContext(ctx)
	for portion := range slices.Chunk(indexes, atATime) {
		group.Go(func() error {
			in := &cloudwatch.GetMetricDataInput{
				StartTime: &span.From, EndTime: &span.To, ScanBy: types.ScanByTimestampAscending,
			}
			for _, i := range portion {
				in.MetricDataQueries = append(in.MetricDataQueries, query(i, metrics[i], span.Period))
			}
			for r, err := range call.Each(ctx, client.GetMetricData, in, &in.NextToken,
				func(page *cloudwatch.GetMetricDataOutput) ([]types.MetricDataResult, *string) {
					return page.MetricDataResults, page.NextToken
				}) {
				if err != nil {
					return call.Error(err)
				}
				i, err := strconv.Atoi(aws.ToString(r.Id)[1:])
				if err != nil || i >= len(out) || len(r.Timestamps) != len(r.Values) {
					return fmt.Errorf("cloudwatch:GetMetricData: a result with the id %q", aws.ToString(r.Id))
				}
				for j, at := range r.Timestamps {
					out[i] = append(out[i], report.Point{At: at, Value: r.Values[j]})
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, m := range metrics {
		out[i] = shaped(m, out[i], span)
	}
	return out, nil
}

func query(i int, m resource.Metric, period time.Duration) types.MetricDataQuery {
	metric := &types.Metric{Namespace: &m.Namespace, MetricName: &m.Metric}
	for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
		metric.Dimensions = append(metric.Dimensions,
			types.Dimension{Name: aws.String(name), Value: aws.String(m.Dimensions[name])})
	}
	return types.MetricDataQuery{
		Id: aws.String("m" + strconv.Itoa(i)),
		MetricStat: &types.MetricStat{
			Metric: metric, Stat: &m.Statistic, Period: aws.Int32(int32(period.Seconds())),
		},
	}
}

// shaped sorts values, turns sums into values per minute, and fills the gaps of a metric that AWS only sends when
// something happens. The newest period may still be without a value, so it is never filled.
func shaped(m resource.Metric, points []report.Point, span resource.Span) []report.Point {
	at := map[int64]float64{}
	for _, p := range points {
		if m.PerMinute {
			p.Value /= span.Period.Minutes()
		}
		at[p.At.Unix()] = p.Value
	}
	if m.Sparse {
		for t := span.From; t.Before(span.To.Add(-span.Period)); t = t.Add(span.Period) {
			if _, known := at[t.Unix()]; !known {
				at[t.Unix()] = 0
			}
		}
	}
	out := make([]report.Point, 0, len(at))
	for t, v := range at {
		out = append(out, report.Point{At: time.Unix(t, 0).UTC(), Value: v})
	}
	slices.SortFunc(out, func(a, b report.Point) int { return cmp.Compare(a.At.Unix(), b.At.Unix()) })
	return out
}
