package report

// The results of an examination.
const (
	Fine    = "ok"
	Wrong   = "fail"    // a deployment would fail or be at risk
	Advice  = "advice"  // it works, and could be better
	Skipped = "skipped" // it could not be examined, and why
)

// Examined is one thing that doctor looked at.
type Examined struct {
	Check  string `json:"check"`
	Result string `json:"result"`
	Detail string `json:"detail,omitempty"`
	Next   string `json:"next,omitempty"` // what to do; "" if the result is ok
}
