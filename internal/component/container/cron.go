package container

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

type cronField struct {
	name        string
	least, most int
	words       []string // names of the numbers from least on
	extra       string   // further characters that AWS accepts here
}

// cronFields are those of Application Auto Scaling's cron expressions.
var cronFields = []cronField{
	{name: "minutes", least: 0, most: 59},
	{name: "hours", least: 0, most: 23},
	{name: "day-of-month", least: 1, most: 31, extra: "?LW"},
	{name: "month", least: 1, most: 12, words: strings.Fields("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC")},
	{name: "day-of-week", least: 1, most: 7, words: strings.Fields("SUN MON TUE WED THU FRI SAT"), extra: "?L#"},
	{name: "year", least: 1970, most: 2199},
}

// checkCron says what is wrong with a cron expression, nil when AWS would accept it.
func checkCron(expression string) error {
	fields := strings.Fields(strings.TrimSuffix(strings.TrimPrefix(expression, "cron("), ")"))
	if len(fields) == 5 {
		return fmt.Errorf("%q has the five fields of Unix; AWS needs six, with the year last and ? for one of the "+
			"two days, for instance 0 8 ? * MON-FRI *", expression)
	}
	if len(fields) != len(cronFields) {
		return fmt.Errorf("%q has %d fields; AWS needs six: minutes hours day-of-month month day-of-week year",
			expression, len(fields))
	}
	for i, text := range fields {
		for _, item := range strings.Split(text, ",") {
			if !cronFields[i].allows(item) {
				return fmt.Errorf("%q is not a value of the %s, which are %d to %d", item, cronFields[i].name,
					cronFields[i].least, cronFields[i].most)
			}
		}
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return fmt.Errorf("%q: exactly one of day-of-month and day-of-week must be ?", expression)
	}
	return checkDays(fields[2], fields[3], fields[5])
}

// checkDays refuses a day that none of the months has in any of the years, such as 30 FEB. Each field alone is valid.
func checkDays(days, months, years string) error {
	longest := 0
	for _, year := range cronFields[5].numbers(years) {
		for _, month := range cronFields[3].numbers(months) {
			longest = max(longest, time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day())
		}
	}
	for _, item := range strings.Split(days, ",") {
		if item == "?" || item == "L" || item == "LW" {
			continue
		}
		if first := slices.Min(cronFields[2].numbers(strings.TrimSuffix(item, "W"))); first > longest {
			when := months
			if years != "*" {
				when += " " + years
			}
			return fmt.Errorf("%q is not a day-of-month: %s has at most %d days", item, when, longest)
		}
	}
	return nil
}

func (f cronField) allows(item string) bool {
	item, step, stepped := strings.Cut(item, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 {
			return false
		}
	}
	if item == "*" || item == "?" && f.extra != "" && !stepped {
		return true
	}
	switch {
	// a single day has no steps
	case stepped && (f.name == "day-of-month" && strings.ContainsAny(item, "LW") ||
		f.name == "day-of-week" && (strings.HasSuffix(item, "L") || strings.Contains(item, "#"))):
		return false
	case f.name == "day-of-month" && (item == "L" || item == "LW"):
		return true
	case f.name == "day-of-month" && strings.HasSuffix(item, "W"):
		return f.number(strings.TrimSuffix(item, "W")) >= 0
	case f.name == "day-of-week" && item == "L":
		return true
	case f.name == "day-of-week" && strings.HasSuffix(item, "L"):
		return f.number(strings.TrimSuffix(item, "L")) >= 0
	case f.name == "day-of-week" && strings.Contains(item, "#"):
		day, week, _ := strings.Cut(item, "#")
		n, err := strconv.Atoi(week)
		return f.number(day) >= 0 && err == nil && n >= 1 && n <= 5
	}
	from, to, isRange := strings.Cut(item, "-")
	if isRange {
		return f.number(from) >= 0 && f.number(to) >= 0
	}
	return f.number(from) >= 0
}

// numbers are the numbers that a valid field without the day letters stands for.
func (f cronField) numbers(text string) []int {
	var out []int
	for _, item := range strings.Split(text, ",") {
		item, step, stepped := strings.Cut(item, "/")
		first, last, isRange := strings.Cut(item, "-")
		from, to, by := f.number(first), f.number(last), 1
		switch {
		case item == "*":
			from, to = f.least, f.most
		case isRange && to < from: // from November to February
			to += f.most - f.least + 1
		case isRange:
		case stepped:
			to = f.most
		default:
			to = from
		}
		if stepped {
			by, _ = strconv.Atoi(step)
		}
		for n := from; n <= to; n += min(by, f.most) {
			out = append(out, (n-f.least)%(f.most-f.least+1)+f.least)
		}
	}
	return out
}

// number returns the number that an item stands for, -1 when the field has no such number.
func (f cronField) number(item string) int {
	if i := slices.Index(f.words, strings.ToUpper(item)); i >= 0 {
		return f.least + i
	}
	n, err := strconv.Atoi(item)
	if err != nil || n < f.least || n > f.most {
		return -1
	}
	return n
}
