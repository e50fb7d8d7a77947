package component

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	minutesOfDay  = 24 * 60
	minutesOfWeek = 7 * minutesOfDay
)

// DailyWindow says why AWS refuses a daily time range ("03:00-04:00") that must last that many minutes; "" if it does
// not.
func DailyWindow(daily string, least int) string {
	from, to, ok := strings.Cut(daily, "-")
	if !ok {
		return "" // not given, or its form is wrong, which is said elsewhere
	}
	return tooShort(span(minuteOfDay(from), minuteOfDay(to), minutesOfDay), least)
}

// WeeklyWindow says why AWS refuses a weekly time range ("sun:04:30-sun:05:30") that must last that many minutes and
// must not overlap the daily one that field names; "" if it does not.
func WeeklyWindow(weekly, daily, field string, least int) string {
	from, to, ok := strings.Cut(weekly, "-")
	if !ok {
		return ""
	}
	begin := minuteOfWeek(from)
	lasts := span(begin, minuteOfWeek(to), minutesOfWeek)
	if text := tooShort(lasts, least); text != "" {
		return text
	}
	from, to, ok = strings.Cut(daily, "-")
	if !ok {
		return ""
	}
	dailyBegin := minuteOfDay(from)
	dailyLasts := span(dailyBegin, minuteOfDay(to), minutesOfDay)
	for day := range 7 {
		other := day*minutesOfDay + dailyBegin
		// one begins while the other lasts
		if span(begin, other, minutesOfWeek) < lasts || span(other, begin, minutesOfWeek) < dailyLasts {
			return fmt.Sprintf("overlaps %s, %s on each day, which AWS does not allow", field, daily)
		}
	}
	return ""
}

func tooShort(lasts, least int) string {
	if lasts >= least {
		return ""
	}
	return fmt.Sprintf("lasts %d minutes, and AWS wants %d at least", lasts, least)
}

// span is how long it is from one minute to the next occurrence of another.
func span(from, to, cycle int) int { return ((to-from)%cycle + cycle) % cycle }

func minuteOfDay(text string) int {
	hours, minutes, _ := strings.Cut(text, ":")
	h, _ := strconv.Atoi(hours) // the form has been checked
	m, _ := strconv.Atoi(minutes)
	return h*60 + m
}

func minuteOfWeek(text string) int {
	day, clock, _ := strings.Cut(text, ":")
	return strings.Index("mon tue wed thu fri sat sun", strings.ToLower(day))/4*minutesOfDay + minuteOfDay(clock)
}
