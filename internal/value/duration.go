package value

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a span of time, written 30s, 15m, 12h or 7d.
type Duration time.Duration

// UnmarshalText parses 30s, 15m, 12h, 7d and sums of them such as 1h30m.
func (d *Duration) UnmarshalText(text []byte) error {
	s, days := string(text), 0
	if head, tail, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.Atoi(head)
		if err != nil || n < 0 || n > 36500 {
			return fmt.Errorf("%q is not a duration such as 30s, 15m or 7d", s)
		}
		days, s = n, tail
	}
	var rest time.Duration
	if s != "" || days == 0 {
		var err error
		if rest, err = time.ParseDuration(s); err != nil || rest < 0 {
			return fmt.Errorf("%q is not a duration such as 30s, 15m or 7d", text)
		}
	}
	*d = Duration(rest + time.Duration(days)*24*time.Hour)
	return nil
}

// MarshalText renders whole days as 7d, the rest the way Go does.
func (d Duration) MarshalText() ([]byte, error) {
	t := time.Duration(d)
	if t >= 24*time.Hour && t%(24*time.Hour) == 0 {
		return []byte(strconv.Itoa(int(t.Hours()/24)) + "d"), nil
	}
	return []byte(t.String()), nil
}

// String is the text of MarshalText.
func (d Duration) String() string {
	text, _ := d.MarshalText() // it has no errors
	return string(text)
}

// Seconds returns the duration in whole seconds.
func (d Duration) Seconds() int { return int(time.Duration(d) / time.Second) }
