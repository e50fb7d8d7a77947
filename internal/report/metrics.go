package report

import "time"

// Metrics are the metrics of a stack in an environment.
type Metrics struct {
	Stack       string             `json:"stack"`
	Environment string             `json:"environment"`
	From        time.Time          `json:"from"`
	To          time.Time          `json:"to"`
	Period      int                `json:"period"`      // seconds between two values
	Deployments []Moment           `json:"deployments"` // since from, oldest first
	Components  []ComponentMetrics `json:"components"`
}

// Moment is when a deployment ended.
type Moment struct {
	Version Version   `json:"version"`
	Result  string    `json:"result"`
	At      time.Time `json:"at"`
}

// ComponentMetrics are the metrics of one component.
type ComponentMetrics struct {
	Address string   `json:"address"`
	Kind    string   `json:"kind"`
	Metrics []Metric `json:"metrics"`
}

// Metric is one metric with its values.
type Metric struct {
	Resource  string     `json:"resource"`
	Name      string     `json:"name"`
	Title     string     `json:"title,omitempty"` // of the chart; that of the first metric of a group counts
	Group     string     `json:"group,omitempty"` // metrics of a group share a chart
	Unit      string     `json:"unit"`            // count, percent, seconds, bytes, per second
	Statistic string     `json:"statistic"`
	PerMinute bool       `json:"perMinute,omitempty"`
	Threshold *Threshold `json:"threshold,omitempty"`
	Beyond    bool       `json:"beyond"` // the newest value is beyond the threshold
	Points    []Point    `json:"points"` // by time
}

// Threshold is the value from which on a metric is a problem.
type Threshold struct {
	Value float64 `json:"value"`
	Below bool    `json:"below,omitempty"` // values below it are a problem; else values above it
	Why   string  `json:"why"`
}

// Point is one value.
type Point struct {
	At    time.Time `json:"at"` // the beginning of its period
	Value float64   `json:"value"`
}
