package macros

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// unknown is the error for a name with two underscores that neither Grafana nor the plugin replaces in a statement.
func unknown(name string) error {
	switch name {
	case "__range", "__range_s", "__range_ms":
		return errors.New("known to Grafana for Prometheus and Loki alone; for ClickHouse write ($__to - $__from), which is milliseconds")
	case "__rate_interval":
		return errors.New("known to Grafana for Prometheus alone; for ClickHouse write $__interval_s")
	case "__columns", "__rateColumns", "__perSecondColumns", "__increaseColumns", "__lttb", "__adHocFilters":
		return errors.New("known to the plugin, but not to the preview: write the statement out")
	}
	if _, ok := plugin[name]; ok || name == "__conditionalAll" {
		return fmt.Errorf("a macro takes no braces, brackets or format: write $%s(...)", name)
	}
	return fmt.Errorf("unknown macro $%s", name)
}

// builtin returns the value of a variable that Grafana itself provides.
func (e *expander) builtin(name string) (value string, ok bool) {
	switch name {
	case "__from":
		return strconv.FormatInt(e.scope.From.UnixMilli(), 10), true
	case "__to":
		return strconv.FormatInt(e.scope.To.UnixMilli(), 10), true
	case "__interval":
		return intervalText(e.scope.Interval), true
	case "__interval_ms":
		return strconv.FormatInt(max(e.scope.Interval.Milliseconds(), 1), 10), true
	}
	return "", false
}

// intervalText is how Grafana writes an interval: its largest unit alone, so 90 minutes are 1h.
func intervalText(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "y"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if n := d / unit.length; n > 0 {
			return strconv.FormatInt(int64(n), 10) + unit.name
		}
	}
	return strconv.FormatInt(max(d.Milliseconds(), 1), 10) + "ms"
}

// formatBuiltin writes a built-in value, which is made of digits, letters and perhaps a sign.
func formatBuiltin(ref reference, value string) (string, error) {
	name, arg, _ := strings.Cut(ref.format, ":")
	if name != "date" {
		format, err := formatOf(ref.format)
		if err != nil {
			return "", err
		}
		return format.text(ref.name, Value{Values: []string{value}}), nil
	}
	ms, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return "", fmt.Errorf("%q is not a time", value)
	}
	switch arg {
	case "", "iso":
		return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z"), nil
	case "ms":
		return value, nil
	case "seconds": // JavaScript rounds halves up.
		return strconv.FormatInt(int64(math.Floor(float64(ms)/1000+0.5)), 10), nil
	}
	return "", fmt.Errorf("date format %q: Grafana writes it in the browser's time zone; there are iso, seconds and ms", arg)
}

// plugin are the macros of the ClickHouse plugin, by their names in a statement.
var plugin = map[string]func(Scope, []string) (string, error){
	"__fromTime":       func(s Scope, _ []string) (string, error) { return dateTime(s.From), nil },
	"__toTime":         func(s Scope, _ []string) (string, error) { return dateTime(s.To), nil },
	"__fromTime_ms":    func(s Scope, _ []string) (string, error) { return dateTime64(s.From), nil },
	"__toTime_ms":      func(s Scope, _ []string) (string, error) { return dateTime64(s.To), nil },
	"__timeFilter":     one(func(s Scope, column string) string { return between(column, dateTime(s.From), dateTime(s.To)) }),
	"__timeFilter_ms":  one(func(s Scope, column string) string { return between(column, dateTime64(s.From), dateTime64(s.To)) }),
	"__dateFilter":     one(func(s Scope, column string) string { return between(column, date(s.From), date(s.To)) }),
	"__dateTimeFilter": dateTimeFilter,
	"__dt":             dateTimeFilter,
	"__timeFrom":       one(func(s Scope, column string) string { return column + " >= " + dateTime(s.From) }),
	"__timeTo":         one(func(s Scope, column string) string { return column + " <= " + dateTime(s.To) }),
	"__interval_s":     func(s Scope, _ []string) (string, error) { return strconv.FormatInt(seconds(s.Interval), 10), nil },
	"__timeInterval": one(func(s Scope, column string) string {
		return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", column, seconds(s.Interval))
	}),
	"__timeInterval_ms": one(func(s Scope, column string) string {
		return fmt.Sprintf("toStartOfInterval(toDateTime64(%s, 3), INTERVAL %d millisecond)", column, max(s.Interval.Milliseconds(), 1))
	}),
	"__timeGroup": timeGroup,
}

func seconds(d time.Duration) int64 { return max(int64(d/time.Second), 1) }

// dateTime is a bound in seconds. ClickHouse takes 1970 for a time before it and 2106 for one after; a bound in
// milliseconds is what it says in any year.
func dateTime(t time.Time) string { return fmt.Sprintf("toDateTime(%d)", t.Unix()) }
func dateTime64(t time.Time) string {
	return fmt.Sprintf("fromUnixTimestamp64Milli(%d)", t.UnixMilli())
}

// date is the day in UTC. The plugin takes that of its own process, which in Grafana's image is the same.
func date(t time.Time) string { return fmt.Sprintf("toDate('%s')", t.UTC().Format(time.DateOnly)) }

func between(column, from, to string) string {
	return fmt.Sprintf("%s >= %s AND %s <= %s", column, from, column, to)
}

// one makes a macro of one argument.
func one(text func(s Scope, column string) string) func(Scope, []string) (string, error) {
	return func(s Scope, args []string) (string, error) {
		if err := count(args, 1); err != nil {
			return "", err
		}
		return text(s, args[0]), nil
	}
}

func count(args []string, want int) error {
	if len(args) != want {
		return fmt.Errorf("%d arguments where it takes %d", len(args), want)
	}
	return nil
}

func dateTimeFilter(s Scope, args []string) (string, error) {
	if err := count(args, 2); err != nil {
		return "", err
	}
	return fmt.Sprintf("(%s) AND (%s)", between(args[0], date(s.From), date(s.To)), between(args[1], dateTime(s.From), dateTime(s.To))), nil
}

// timeGroup rounds to a period that is written as Go writes one: the plugin knows 24h, but not 1d.
func timeGroup(_ Scope, args []string) (string, error) {
	if err := count(args, 2); err != nil {
		return "", err
	}
	period := strings.Trim(args[1], `'"`)
	d, err := time.ParseDuration(period)
	if err != nil {
		return "", fmt.Errorf("the period %q is not one that the plugin reads, such as 5m or 24h (it knows no days)", period)
	}
	rounded := int64(math.Round(d.Seconds()))
	if rounded <= 0 {
		return "", fmt.Errorf("the period %q is not positive", period)
	}
	return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", args[0], rounded), nil
}
