package service

import (
	"net/http"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"

	"github.com/company/deployer/e2e/testkit/access"
	"github.com/company/deployer/e2e/testkit/proxy"
)

// CloudWatch speaks rpc-v2-cbor, in which the emulator does not answer GetMetricData. The proxy does: every metric has
// the value 1 in each whole period up to the end, but those of messages, which AWS sends only when there are some.
var _ = register(Service{
	Name: "monitoring", ID: "CloudWatch",
	Access: access.Rules{Prefix: "cloudwatch"},
	Fix: func(p *proxy.Proxy) {
		p.Handle("monitoring", "GetMetricData", metricData)
	},
	Unasked: map[string]string{"cloudwatch:GetMetricData": "metrics, which is no part of the life of a stack"},
})

func metricData(c *proxy.Call) *proxy.Response {
	invalid := func(why string) *proxy.Response {
		return c.Failure(http.StatusBadRequest, "ValidationError", why)
	}
	decoded, err := cbor.Decode(c.Body)
	in, ok := decoded.(cbor.Map)
	if err != nil || !ok {
		return invalid("the request is no CBOR map")
	}
	from, err := cbor.AsTime(in["StartTime"])
	to, err2 := cbor.AsTime(in["EndTime"])
	queries, ok := in["MetricDataQueries"].(cbor.List)
	if err != nil || err2 != nil || !ok || !from.Before(to) || len(queries) == 0 || len(queries) > 500 {
		return invalid("StartTime before EndTime, and 1 to 500 MetricDataQueries")
	}
	results := cbor.List{}
	for _, q := range queries {
		query, _ := q.(cbor.Map)
		stat, _ := query["MetricStat"].(cbor.Map)
		metric, _ := stat["Metric"].(cbor.Map)
		seconds, err := cbor.AsInt32(stat["Period"])
		if err != nil || seconds%60 != 0 || seconds < 60 || stat["Stat"] == nil || metric["Namespace"] == nil {
			return invalid("a query needs a metric, a statistic and a period in whole minutes")
		}
		times, values := cbor.List{}, cbor.List{}
		if metric["Namespace"] != cbor.String("AWS/SQS") {
			period := time.Duration(seconds) * time.Second
			for at := from; at.Add(period).Before(to); at = at.Add(period) {
				times = append(times, &cbor.Tag{ID: 1, Value: cbor.Float64(at.Unix())})
				values = append(values, cbor.Float64(1))
			}
		}
		results = append(results, cbor.Map{
			"Id": query["Id"], "StatusCode": cbor.String("Complete"), "Timestamps": times, "Values": values,
		})
	}
	header := http.Header{}
	header.Set("Content-Type", "application/cbor")
	header.Set("Smithy-Protocol", "rpc-v2-cbor")
	return &proxy.Response{
		Status: http.StatusOK, Header: header,
		Body: cbor.Encode(cbor.Map{"MetricDataResults": results, "Messages": cbor.List{}}),
	}
}
