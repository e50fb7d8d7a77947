package cloudwatch

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/aws/call/calltest"
	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/resource"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func TestMetricsInFewCalls(t *testing.T) {
	metrics := make([]resource.Metric, 501)
	for i := range metrics {
		metrics[i] = resource.Metric{
			Namespace: "AWS/SQS", Metric: "Sent", Statistic: "Sum",
			Dimensions: map[string]string{"QueueName": fmt.Sprint(i)},
		}
	}
	metrics[0].Sparse, metrics[0].PerMinute = true, true
	var mu sync.Mutex
	calls := 0
	cfg := calltest.Config(func(_ context.Context, in any) (any, error) {
		mu.Lock()
		defer mu.Unlock()
		calls++
		get := in.(*cloudwatch.GetMetricDataInput)
		out := &cloudwatch.GetMetricDataOutput{}
		first := get.NextToken == nil
		for _, q := range get.MetricDataQueries {
			require.Equal(t, int32(300), *q.MetricStat.Period)
			if *q.Id == "m0" && first {
				out.NextToken = aws.String("more")
				out.MetricDataResults = append(out.MetricDataResults, types.MetricDataResult{
					Id: q.Id, Timestamps: []time.Time{noon.Add(5 * time.Minute)}, Values: []float64{10},
				})
			}
			if *q.Id == "m0" && !first {
				out.MetricDataResults = append(out.MetricDataResults, types.MetricDataResult{
					Id: q.Id, Timestamps: []time.Time{noon}, Values: []float64{5},
				})
			}
			if *q.Id == "m500" {
				require.Equal(t, "500", *q.MetricStat.Metric.Dimensions[0].Value)
				out.MetricDataResults = append(out.MetricDataResults, types.MetricDataResult{
					Id: q.Id, Timestamps: []time.Time{noon}, Values: []float64{7},
				})
			}
		}
		return out, nil
	})
	got, err := Read(t.Context(), cfg, metrics,
		resource.Span{From: noon, To: noon.Add(20 * time.Minute), Period: 5 * time.Minute})
	require.NoError(t, err)
	require.Equal(t, 3, calls, "500 metrics, their second page, and the last one")
	at := func(minutes int, v float64) report.Point {
		return report.Point{At: noon.Add(time.Duration(minutes) * time.Minute), Value: v}
	}
	require.Equal(t, []report.Point{at(0, 1), at(5, 2), at(10, 0)}, got[0], "per minute; the newest period is open")
	require.Empty(t, got[1])
	require.Equal(t, []report.Point{at(0, 7)}, got[500])
}
